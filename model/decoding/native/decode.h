/* Interface of decode.c. model/decoding/native/bindings.py declares the same structures in the same order. */

#include <stdint.h>

/* An int8 matrix product. `inputs` is a multiple of 4, `outputs` of 32; the last outputs may be padding. The
   weights are laid out in panels of 32 outputs: [outputs / 32][inputs / 4][32][4]. */
struct product {
    int32_t inputs, outputs;
    const int8_t *weights;
    const int32_t *offsets; /* [outputs] -128 times each output's sum of weights: 128 stands for a state of 0 */
    const float *scales;    /* [outputs] */
};

/* An LSTM with gates i, f, g, o. The lowest layers look up the product with their symbol's embedding. */
struct layer {
    const float *table;    /* [symbols, outputs], including the bias; NULL in higher layers, which use ... */
    const float *bias;     /* [outputs] */
    struct product input;  /* only in an encoder's higher layers */
    struct product hidden; /* inputs are h; in a decoder the input from below, and h */
};

struct network {
    int32_t hidden, width, directions, reads_backward, encoder_layers, decoder_layers;
    int32_t init_each_layer, attention, add_bos_eos, symbols, padded_symbols, start, end;
    const struct layer *encoder; /* [encoder_layers, directions] */
    const struct layer *decoder; /* [decoder_layers] */
    struct product key, output_projection;
    const float *zeros;          /* as many as the largest product has outputs */
    const float *output_weight;    /* [hidden, padded_symbols] */
    const float *output_bias;      /* [padded_symbols], minus infinity for symbols that are never emitted */
    const float *stress_of_top;    /* [4, hidden] */
    const float *stress_of_symbol; /* [symbols, 4], minus infinity for classes that a symbol cannot have */
};

/* Output of tanger_decode: the hypotheses of all words, concatenated. A hypothesis has one step per symbol, and
   one for </s> if it was emitted. There must be room for words x width hypotheses of `room` steps, the
   largest number of steps of the longest word. */
struct answers {
    uint16_t *symbols;    /* by step */
    float *probabilities; /* by step */
    uint8_t *stress;      /* by step, </s> excepted: stress class, if the network has a stress head */
    int32_t *counts;      /* by hypothesis: number of symbols before </s> */
    uint8_t *complete;    /* by hypothesis: whether </s> was emitted */
    int32_t *found;       /* by word: number of hypotheses */
};

/* Decodes words of lengths[w] letters each, including <s> and </s>, the longest first, with their letters
   concatenated. Gives at most `width` answers per word: 1 is greedy decoding; a larger width is a beam, with the
   greedy answer first and the others by falling probability. Returns 0; -1 if there is not enough memory,
   -2 if the arguments are not valid. */
int tanger_decode(const struct network *n, int words, const int32_t *letters, const int32_t *lengths, int width,
                  int room, struct answers *answers);

/* Output of tanger_force, for each step of the given pronunciations of all words, concatenated. A pointer is
   NULL if its output is not requested or the network cannot give it. */
struct forced {
    float *attention; /* by step: weights of the word's letters, including <s> and </s>; they sum to 1 */
    float *logits;    /* by step: [symbols], given the preceding labels */
    float *stress;    /* by step: [4] logits of the stress classes of its label */
};

/* Computes the steps of given labels, steps[w] for each word w, concatenated. Words and return value are those
   of tanger_decode. */
int tanger_force(const struct network *n, int words, const int32_t *letters, const int32_t *lengths,
                 const int32_t *labels, const int32_t *steps, const struct forced *into);
