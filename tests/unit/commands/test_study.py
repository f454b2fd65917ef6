from ferkit.studies.published import studies

STUDIES = ("athanasiadis2022", "balanescu2020", "ghafourian2021", "kurmi2022", "tekula2023")


def test_there_are_five_studies():
    assert tuple(studies()) == STUDIES


def test_without_a_run_every_trial_names_its_command(ferkit, tmp_path):
    code, _, err = ferkit("eval", "study=kurmi2022", "out=report")
    assert code == 0, err
    folder = tmp_path / "report"
    page = (folder / "kurmi2022.html").read_text()
    runs = (folder / "runs.csv").read_text()
    for trial in ("sequential_cnn", "sequential_cnn_as_coded", "mini_xception", "smote"):
        assert f"ferkit train experiment=kurmi2022/{trial}" in page
        assert f"ferkit train experiment=kurmi2022/{trial}" in runs
    assert {"kurmi2022.md", "kurmi2022.tex", "test.csv"} <= {p.name for p in folder.iterdir()}
    assert "src=" not in page.replace('src="data:', "")


def test_unknown_study_is_answered_with_the_nearest(ferkit):
    code, _, err = ferkit("eval", "study=balanesku2020")
    assert code == 2
    assert "Did you mean 'balanescu2020'?" in err


def test_given_folder_without_a_run_of_the_study(ferkit, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for asked in ("[elsewhere]", "elsewhere", "else*"):
        code, _, err = ferkit("eval", "study=kurmi2022", f"runs={asked}", "out=report")
        assert code == 3
        assert "ferkit: elsewhere holds no run of kurmi2022" in err
    code, _, err = ferkit("eval", "study=kurmi2022", "runs=nowhere*", "out=report")
    assert code == 3  # not all that lies in outputs/
    assert "nowhere* holds no run of kurmi2022" in err
