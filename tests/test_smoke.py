def test_tiny(tmp_path):
    from drawgen import jobs, models

    outcome = jobs.train("ride", models.recipe("ride", "tiny"), tmp_path / "run", preset="tiny")
    assert outcome.step == 4
    jobs.sample(str(tmp_path / "run"), tmp_path / "a.png", tile=True, size=(40, 40))
