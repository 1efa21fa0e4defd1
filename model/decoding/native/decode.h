/* What model/decoding/native/bindings.py hands over; the same structures in the same order. */

#include <stdint.h>

/* States of `inputs` steps, a multiple of four, -> `outputs` numbers, a multiple of 32, of which the
   last ones may be padding. Weights lie in panels of 32 outputs: [outputs / 32][inputs / 4][32][4]. */
struct product {
    int32_t inputs, outputs;
    const int8_t *weights;
    const int32_t *offsets; /* [outputs] -128 times each output's sum of weights: step 128 is zero */
    const float *scales;    /* [outputs] */
};

/* One LSTM, gates i, f, g, o. The lowest layers look their symbol's part up. */
struct layer {
    const float *table;    /* [symbols, outputs] with the bias in it; else NULL, and ... */
    const float *bias;     /* [outputs] */
    struct product input;  /* of an encoder's higher layers */
    struct product hidden; /* of an encoder: h; of a decoder: what is below, and h */
};

struct network {
    int32_t hidden, width, directions, reads_backward, encoder_layers, decoder_layers;
    int32_t init_each_layer, attention, add_bos_eos, symbols, padded_symbols, start, end;
    const struct layer *encoder; /* [encoder_layers, directions] */
    const struct layer *decoder; /* [decoder_layers] */
    struct product key, output_projection;
    const float *zeros;          /* zeros, as many as any product has outputs */
    const float *output_weight;    /* [hidden, padded_symbols] */
    const float *output_bias;      /* [padded_symbols], minus infinity for what is never emitted */
    const float *stress_of_top;    /* [4, hidden] */
    const float *stress_of_symbol; /* [symbols, 4], minus infinity for classes that it cannot have */
};

/* What is written: of every word so many hypotheses, all one behind the other, and of each its steps, as
   many as its symbols and, where that was emitted, </s>. There has to be room for words x width hypotheses of
   `room` steps, which is what the longest word may take. */
struct answers {
    uint16_t *symbols;    /* by step */
    float *probabilities; /* by step */
    uint8_t *stress;      /* by step: its class, where the network has a head for it and for symbols alone */
    int32_t *counts;      /* by hypothesis: symbols before </s> */
    uint8_t *complete;    /* by hypothesis: whether </s> was emitted */
    int32_t *found;       /* by word: hypotheses */
};

/* Words of lengths[w] letters each, <s> and </s> counted, longest first, their letters one after the other;
   `width` answers to each at most: 1 is greedy, more a beam, the greedy answer first and the others by
   their likelihood. Returns 0, or -1 where there is no memory. */
int tanger_decode(const struct network *n, int words, const int32_t *letters, const int32_t *lengths, int width,
                  int room, struct answers *answers);

/* What the network makes of pronunciations that are given, step by step, those of all words one behind the
   other. Each may be NULL, where nobody wants it or the network has none. */
struct forced {
    float *attention; /* by step: a share of each of the word's letters, <s> and </s> counted; their sum is 1 */
    float *logits;    /* by step: [symbols], given the labels before it */
    float *stress;    /* by step: [4] logits of the classes of its label */
};

/* Words as above, and of each word w steps[w] labels, one behind the other. Returns as above. */
int tanger_force(const struct network *n, int words, const int32_t *letters, const int32_t *lengths,
                 const int32_t *labels, const int32_t *steps, const struct forced *into);
