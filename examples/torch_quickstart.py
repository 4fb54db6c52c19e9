"""Train a plain PyTorch loop as always; one line records it all.

Run it with `python examples/torch_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import autotrack

autotrack.enable(experiment="digits")

import torch  # noqa: E402 - after enable, so that also what programs import from torch by name is seen
from sklearn.datasets import load_digits  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset, random_split  # noqa: E402

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
digits = TensorDataset(torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y))
train_data, val_data = random_split(digits, [0.8, 0.2])
train_loader = DataLoader(train_data, batch_size=64, shuffle=True)
val_loader = DataLoader(val_data, batch_size=256)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
criterion = nn.CrossEntropyLoss()

for _epoch in range(8):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        for images, labels in val_loader:
            criterion(model(images), labels)

autotrack.end_run()  # or leave it out: the run ends with the program, or when another loop begins

for run in autotrack.search_runs(experiment="digits"):
    shown = {key: round(run.metrics[key], 3) for key in ("train_loss", "val_loss", "validation_accuracy_score")}
    print(f"{run.name:16} {run.status:9} {len(run.params):3} params {shown}")
