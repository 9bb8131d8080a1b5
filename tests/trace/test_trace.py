# SPDX-License-Identifier: Apache-2.0
"""make trace counts what tests claim, and refuses claims that name nothing."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))

REQUIREMENTS = """\
# Requirements
| NOTE-1 | damage | decided |
# A. Requirement matrix
## A1. General
| id | requirement | ref | C exposure |
| --- | --- | --- | --- |
| GEN-one | the **first** \\| thing | UG | x |
| GEN-two-2/-3 | two in one row | UG | x |
## A17. Limits
| LIM-packet-1/2/4 | headers | M | x |
| CB-crl-* / CB-sess-* | families | M | x |
## A20. Translations
### TR-active: active mode
| raw, 0 | any | bytes |
# B. Old suites
## B1. basic
| id | v | behaviour |
| T-basic-a | 18 | does a |
| T-api-peer/sock | 18 | does two |
| T-packet-raw/0 \u00d7 passive/active | 18 | product |
# C. Beyond
## C1. Core
| F-hrr | retry | Y | 1 |
| F-x | other | Y | 1 |
| O-1 | 8.0 | getstat |
"""


OUT = """\
ids\treason\twhere
GEN-two-2 T-basic-a\tnot in this world\tdocs/why.md
"""


def make(tmp_path, left_out=None):
    req = tmp_path / "R.md"
    req.write_text(REQUIREMENTS)
    out = subprocess.run([sys.executable, os.path.join(HERE, "make_table.py"), str(req)],
                         capture_output=True, text=True, check=True)
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / "docs" / "requirements.tsv").write_text(out.stdout)
    (tmp_path / "docs" / "why.md").write_text("because\n")
    if left_out:
        (tmp_path / "docs" / "requirements-out.tsv").write_text(left_out)
    return out.stdout


def trace(tmp_path, left_out=None, **files):
    make(tmp_path, left_out)
    for name, text in files.items():
        path = tmp_path / "tests" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = subprocess.run([sys.executable, os.path.join(HERE, "trace.py"), str(tmp_path)],
                         capture_output=True, text=True)
    return out.returncode, out.stdout, out.stderr


def test_table(tmp_path):
    lines = make(tmp_path).splitlines()
    assert lines[0] == "part\tids\tsection\ttext"
    assert "A\tGEN-one\tA1\tthe first | thing" in lines
    assert "A\tGEN-two-2 GEN-two-3\tA1\ttwo in one row" in lines
    assert "A\tLIM-packet-1 LIM-packet-2 LIM-packet-4\tA17\theaders" in lines
    assert "A\tCB-crl-* CB-sess-*\tA17\tfamilies" in lines
    assert "-\tTR-active\tA20\tactive mode" in lines
    assert "B\tT-api-peer T-api-sock\tB1\tdoes two" in lines
    assert "B\tT-packet-raw_0_passive_active\tB1\tproduct" in lines
    assert "C\tO-1\tC1\t8.0: getstat" in lines
    assert not any("raw, 0" in line for line in lines)


def test_nothing_proven(tmp_path):
    status, out, _ = trace(tmp_path)
    assert status == 0
    assert out.splitlines()[0] == "0 of 4 requirement rows proven, 0 left out, 4 open"
    assert "GEN-one" in out and "0 of 2 features" in out


def test_claims_count(tmp_path):
    status, out, err = trace(
        tmp_path, unit__t_a_DOT_c="/*\n * REQ: GEN-one, F-hrr\n */\n/* REQ: CB-crl-* CB-sess-* */\n",
        interop__test_b_DOT_py='"""Does b.\n\nREQ: T-basic-a TR-active"""\n')
    assert status == 0, err
    assert out.splitlines()[0] == "2 of 4 requirement rows proven, 0 left out, 2 open"
    still = out.split("open:")[1].split("behaviours")[0]
    assert "GEN-one" not in still and "GEN-two-2 GEN-two-3" in still
    assert "1 of 2 features beyond the manual proven\n    F-hrr" in out
    assert "1 of 3 behaviours of the original test suites proven, 0 left out, 2 open" in out
    assert "T-basic-a" not in out and "T-api-peer T-api-sock" in out


def test_a_row_of_several_ids_needs_them_all(tmp_path):
    _, out, _ = trace(tmp_path, unit__t_a_DOT_c="/* REQ: GEN-two-2 */\n")
    assert out.startswith("0 of 4 ")
    _, out, _ = trace(tmp_path, unit__t_a_DOT_c="/* REQ: GEN-two-2 */\n/* REQ: GEN-two-3 */\n")
    assert out.startswith("1 of 4 ")


@pytest.mark.parametrize("text,words", [
    ("/* REQ: GEN-none */\n", "tests/unit/t_a.c:1: no requirement has the id GEN-none"),
    ("/*\n * REQ: GEN-one GEN-onee */\n", "tests/unit/t_a.c:2: no requirement has the id GEN-onee"),
    ("/* REQ: */\n", "tests/unit/t_a.c:1: REQ: without an id"),
    ("/* REQ: something or other */\n", "tests/unit/t_a.c:1: REQ: without an id"),
    ("/* REQ: GEN-two-2/-3 */\n", "no requirement has the id GEN-two-2/-3"),
])
def test_unknown_claims_are_errors(tmp_path, text, words):
    status, _, err = trace(tmp_path, unit__t_a_DOT_c=text)
    assert status == 1
    assert words in err


def test_what_is_left_out_has_its_reason(tmp_path):
    status, out, err = trace(tmp_path, OUT)
    assert status == 0, err
    assert out.splitlines()[0] == "0 of 4 requirement rows proven, 0 left out, 4 open"
    status, out, err = trace(tmp_path, OUT, unit__t_a_DOT_c="/* REQ: GEN-two-3 */\n")
    assert status == 0, err
    assert out.splitlines()[0] == "0 of 4 requirement rows proven, 1 left out, 3 open"
    first, second = out.split("behaviours of the original")
    assert "left out:\n  not in this world\n    GEN-two-2\n" in first
    assert "left out:\n  not in this world\n    T-basic-a\n" in second


@pytest.mark.parametrize("line,words", [
    ("GEN-none\tr\tdocs/why.md", "docs/requirements-out.tsv:2: no requirement has the id GEN-none"),
    ("GEN-one GEN-one\tr\tdocs/why.md", "docs/requirements-out.tsv:2: GEN-one twice"),
    ("GEN-one\t \tdocs/why.md", "docs/requirements-out.tsv:2: no reason"),
    ("GEN-one\tr\tdocs/nowhere.md", "docs/requirements-out.tsv:2: no page docs/nowhere.md"),
    ("GEN-one\tr", "docs/requirements-out.tsv:2: no page named"),
    ("F-hrr\tr\tdocs/why.md", "F-hrr is proven here and left out"),
])
def test_a_bad_line_of_what_is_left_out_is_an_error(tmp_path, line, words):
    status, _, err = trace(tmp_path, "ids\treason\twhere\n" + line + "\n",
                           unit__t_a_DOT_c="/* REQ: F-hrr */\n")
    assert status == 1
    assert words in err


def test_examples_of_the_tools_are_no_claims(tmp_path):
    status, out, _ = trace(tmp_path, trace__test_x_DOT_py="# REQ: GEN-one\n# REQ: NO-such\n")
    assert status == 0
    assert out.startswith("0 of 4 ")


def test_an_id_twice_in_the_source_is_refused(tmp_path):
    req = tmp_path / "R.md"
    req.write_text("# A. x\n## A1. y\n| GEN-one | a | b |\n| GEN-one | c | d |\n")
    out = subprocess.run([sys.executable, os.path.join(HERE, "make_table.py"), str(req)],
                         capture_output=True, text=True)
    assert out.returncode == 1
    assert "id GEN-one twice" in out.stderr


def test_the_committed_table_has_all_rows():
    with open(os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "requirements.tsv"),
              encoding="utf-8") as f:
        parts = [line.split("\t")[0] for line in f]
    assert (parts.count("A"), parts.count("B"), parts.count("C")) == (378, 234, 118)
