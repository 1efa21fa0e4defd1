"""Recipe of a small network that learns the artificial language of `lexicons` in seconds."""

TINY_RECIPE = """
seed = 3
sample_word = "TANGER"
[vocabulary]
shared = false
masked = true
[network]
hidden = 48
embedding = 16
direction = "bidirectional"
encoder_layers = 1
decoder_layers = 1
decoder_init = "each"
attention = true
stabiliser = false
add_bos_eos = false
dropout = 0.05
[minibatches]
unit = "words"
size = 16
[optimiser]
kind = "adamw"
learning_rate = 1e-2
warmup = 20
final = 0.05
weight_decay = 0.0
clip = 2.0
[loss]
label_smoothing = 0.05
[run]
epochs = 8
averaging = 0.9
[fast]
epochs = 1
epoch_tokens = 500
"""
