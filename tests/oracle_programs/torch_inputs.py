"""A plain loop over a DataLoader, each batch counted, and a Lightning module, on the same data."""

import logging
import warnings

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
X = torch.randn(96, 4)
y = (X[:, 0] > 0).long()
loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
losses = []
for _ in range(3):
    for features, labels in counted(loader):  # type: ignore[name-defined]  # noqa: F821
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
weights = {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


class Module(lightning.LightningModule):
    """A small classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


module = Module()
options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
lightning.Trainer(max_epochs=2, enable_model_summary=False, **options).fit(module, loader)
trained = {name: value.numpy().tobytes() for name, value in module.state_dict().items()}
del model, optimizer, module, loader
