"""PyTorch modules as model folders that MLflow loads, and weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from autotrack.errors import AutotrackError
from autotrack.models.flavors.pytorch import innermost, pytorch_flavor, take_module
from autotrack.models.folder import write_model_folder
from autotrack.models.weights import take_weights

# MLflow warns of type hints of its own when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")


class Scorer(torch.nn.Module):
    """A class of the program's own, as training scripts define one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layer(x))


def _local_class() -> torch.nn.Module:
    class Local(Scorer):
        pass

    return Local()


@pytest.mark.parametrize("module", [torch.nn.Linear(2, 3), _local_class(), torch.compile(Scorer(), backend="eager")])
def test_mlflow_loads_the_folder(module: Any, tmp_path: Path) -> None:
    import mlflow.pytorch

    x = torch.ones(4, 2)
    expected = innermost(module)(x).detach()
    snapshot = take_module(module, tmp_path / "snapshot")
    folder = write_model_folder(tmp_path / "model", snapshot, flavor=pytorch_flavor(snapshot))
    assert folder.flavors == ["python_function", "pytorch"]
    assert torch.equal(mlflow.pytorch.load_model(str(folder.path))(x), expected)
    predicted = mlflow.pyfunc.load_model(str(folder.path)).predict(x.numpy())
    assert torch.equal(torch.from_numpy(predicted), expected)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    module = Scorer().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    random = torch.random.get_rng_state()
    take_module(module, tmp_path / "snapshot")
    take_weights(module.state_dict(), tmp_path / "model.safetensors")
    assert module.training
    assert torch.equal(torch.random.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_what_cannot_be_pickled_is_said(tmp_path: Path) -> None:
    module = Scorer()
    module.stream = (number for number in range(3))
    with pytest.raises(AutotrackError, match=r"Scorer cannot be pickled: .*generator"):
        take_module(module, tmp_path / "snapshot")
    assert list(tmp_path.iterdir()) == []


def test_tied_weights_are_kept_under_each_name(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    module = torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3))
    module[1].weight = module[0].weight
    path = tmp_path / "model.safetensors"
    assert take_weights(module.state_dict(), path) == path.stat().st_size
    loaded = load_file(path)
    assert sorted(loaded) == ["0.weight", "1.bias", "1.weight"]
    assert torch.equal(loaded["0.weight"], loaded["1.weight"])
    assert path.stat().st_mode & 0o777 == 0o600
