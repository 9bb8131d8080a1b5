# SPDX-License-Identifier: Apache-2.0
"""--steer, --lookup and --redirect-local of the commands on a stock Debian kernel: tests/tool/test_steer.py once more, where
BPF is certainly to be had."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tool"))

from test_steer import (  # noqa: E402, F401  (collected here)
    px, redirecting, srv, steering, test_a_backend_that_listens_on_both_families,
    test_a_restart_loses_no_connection, test_a_socket_from_systemd_is_not_steered,
    test_further_addresses_and_ports, test_it_says_how_it_steers, test_serve_by_load_is_even_and_counted,
    test_serve_from_a_file, test_serve_lookup_is_counted, test_serve_restarts_without_a_lost_request,
    test_serve_waiting_connections_move, test_small_talk_skips_tcp, test_streams_are_whole,
    test_the_answer_comes_before_the_end)
