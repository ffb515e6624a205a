"""Write data/digits.npz: the handwritten digits of scikit-learn, images of 8 by 8 pixels from 0 to 16, and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

if __name__ == "__main__":
    digits = load_digits()
    Path("data").mkdir(exist_ok=True)
    np.savez_compressed("data/digits.npz", images=digits.images.astype("uint8"), labels=digits.target.astype("uint8"))
