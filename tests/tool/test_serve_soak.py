# SPDX-License-Identifier: Apache-2.0
"""leat serve under everything at once (tests/lib/crowd.py). LEAT_SOAK=600 makes it ten minutes."""
import os

import pytest

from crowd import IMPATIENT, rolling, soak
from serving import Serve, listener, make_site, start_activated

SECONDS = float(os.environ.get("LEAT_SOAK", "12"))
OPTIONS = ("--http2", "--workers", "2", "--access-log", "none", *IMPATIENT)


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_everything_at_once(run_server, leat, pki, tmp_path):
    s = Serve(run_server, leat, make_site(tmp_path), pki.cert("p256"), *OPTIONS)
    soak(s, pki.ca, SECONDS)
    assert s.proc.stop() == 0


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_one_server_after_the_other(run_server, leat, pki, tmp_path):
    site = make_site(tmp_path)
    with listener() as sock:
        rolling(lambda: start_activated(run_server, leat, site, pki.cert("p256"), [sock], OPTIONS),
                sock.getsockname()[1], pki.ca, SECONDS / 2)
