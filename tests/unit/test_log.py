"""Progress and warnings go to stderr, results to stdout; quiet=true keeps the warnings."""

import logging

from ferkit.log import log, log_to_stderr

FAKE = ("data", "fake", "dataset=folder", "out=faces")


def test_results_alone_go_to_stdout(ferkit):
    code, printed, logged = ferkit(*FAKE)
    assert (code, printed.split()) == (0, ["faces"])
    assert "Try it" in logged


def test_quiet_leaves_warnings_and_results(ferkit):
    assert ferkit(*FAKE, "quiet=true") == (0, "faces\n", "")


def test_an_error_is_logged_in_quiet_too(ferkit):
    code, _, logged = ferkit("train", "quiet=true", "dataset=nothing")
    assert code == 2
    assert logged.startswith("ferkit: ")


def test_a_message_is_one_line_with_its_level(capsys):
    log_to_stderr()
    log.info("one\ntwo")
    log.warning("three\x1b[2J")
    log_to_stderr(quiet=True)
    log.info("not shown")
    assert capsys.readouterr().err == "one two\nwarning: three\\x1b[2J\n"
    assert logging.getLogger("ferkit") is log
