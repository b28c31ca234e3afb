"""What a run folder becomes."""

from drawgen import jobs


def test_resume_of_a_finished_run_changes_nothing(tiny):
    for name, folder in tiny.items():
        model = name.split(":")[0]
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        jobs.train(model, jobs.stored_recipe(folder)[2], folder, preset="tiny", resume=True)
        after = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".safetensors", ".json")}
        assert after == before
