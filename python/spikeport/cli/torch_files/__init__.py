"""Files that people keep from torch: weights as training loops save them, and samples. No code in them runs unasked."""
