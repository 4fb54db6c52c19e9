"""Train with Keras as always; one line records it all.

Run it with `python examples/keras_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

import autotrack

autotrack.enable(experiment="digits")

keras.utils.set_random_seed(0)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split((X / 16).astype("float32"), y, random_state=0)

model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ],
    name="digits",
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
model.fit(X_train, y_train, epochs=8, validation_split=0.2, verbose=0, callbacks=[stopping])

print(f"accuracy {model.evaluate(X_test, y_test, verbose=0)[1]:.3f}")
print(f"F1       {f1_score(y_test, model.predict(X_test, verbose=0).argmax(axis=1), average='macro'):.3f}")

for run in autotrack.search_runs(experiment="digits", order_by="start_time"):
    shown = {
        key: round(run.metrics[key], 3)
        for key in ("val_accuracy", "validation_roc_auc", "test_accuracy")
        if key in run.metrics
    }
    print(f"{run.name:16} {run.status:9} {len(run.params):3} params {shown}")
