/* Runs the compiled decode on a network of random weights and prints what it answers, a number a line:
   the same source for every kind of processor, on this one or under an emulator.

   cc -DTANGER_SOURCE='""' -I model/decoding/native random_network.c -lm && ./a.out SEED */

#include <stdio.h>

#include "decode.c"

static uint32_t state;

/* Of 24 bits, from -1 to 1: the same on every processor. */
static float draw(void) {
    state = state * 1664525u + 1013904223u;
    return (float)(int32_t)((state >> 8) & 0xffffff) / 8388608.0f - 1.0f;
}

static int below(int count) { return (int)((draw() + 1) / 2 * (float)count) % count; }

static float *floats(size_t count, float scale) {
    float *found = malloc(count * sizeof(float));
    for (size_t k = 0; k < count; k++) found[k] = scale * draw();
    return found;
}

static struct product product(int parts, int width, int outputs) {
    int inputs = parts * padded(width), wide = (outputs + TILE_N - 1) / TILE_N * TILE_N;
    int8_t *weights = calloc((size_t)inputs * wide, 1);
    int32_t *offsets = calloc(wide, sizeof *offsets);
    float *scales = calloc(wide, sizeof *scales);
    for (int o = 0; o < outputs; o++) {
        scales[o] = (draw() + 1.5f) / 127 / 40;
        for (int k = 0; k < inputs; k++) {
            if (k % padded(width) >= width) continue;
            int8_t weight = (int8_t)(below(127) - 63);
            weights[((size_t)(o / TILE_N) * inputs + k / 4 * 4) * TILE_N + o % TILE_N * 4 + k % 4] = weight;
            offsets[o] -= 128 * weight;
        }
    }
    return (struct product){inputs, wide, weights, offsets, scales};
}

static struct network network(void) {
    struct network n = {0};
    n.directions = 1 + below(2);
    n.width = 3 + below(40);
    n.hidden = n.directions * n.width;
    n.reads_backward = below(2);
    n.encoder_layers = 1 + below(3);
    n.decoder_layers = 1 + below(2);
    n.init_each_layer = n.encoder_layers == n.decoder_layers && below(2);
    n.attention = below(4) > 0;
    n.add_bos_eos = below(2);
    n.symbols = 5 + below(40);
    n.padded_symbols = (n.symbols + 15) / 16 * 16;
    n.end = 1;
    struct layer *encoder = calloc(n.encoder_layers * n.directions, sizeof *encoder);
    for (int l = 0; l < n.encoder_layers * n.directions; l++) {
        encoder[l].hidden = product(1, n.width, 4 * n.width);
        if (l < n.directions) encoder[l].table = floats(26 * (size_t)encoder[l].hidden.outputs, 1);
        else encoder[l].input = product(n.directions, n.width, 4 * n.width);
        encoder[l].bias = floats(encoder[l].hidden.outputs, 1);
    }
    struct layer *decoder = calloc(n.decoder_layers, sizeof *decoder);
    for (int l = 0; l < n.decoder_layers; l++) {
        decoder[l].hidden = product(l || n.attention ? 2 : 1, n.hidden, 4 * n.hidden);
        decoder[l].table = floats(n.symbols * (size_t)decoder[l].hidden.outputs, 2);
        decoder[l].bias = floats(decoder[l].hidden.outputs, 1);
    }
    n.encoder = encoder;
    n.decoder = decoder;
    if (n.attention) {
        n.key = product(n.directions, n.width, n.hidden);
        n.output_projection = product(2, n.hidden, n.hidden);
    }
    n.zeros = calloc(4 * n.hidden + TILE_N, sizeof(float));
    n.output_weight = floats((size_t)n.hidden * n.padded_symbols, 2);
    float *bias = floats(n.padded_symbols, 1);
    for (int symbol = n.symbols; symbol < n.padded_symbols; symbol++) bias[symbol] = -INFINITY;
    bias[n.start] = -INFINITY;
    n.output_bias = bias;
    if (below(2)) {
        n.stress_of_top = floats((size_t)STRESSES * n.hidden, 1);
        n.stress_of_symbol = floats((size_t)n.symbols * STRESSES, 1);
    }
    return n;
}

enum { WORDS = 9, LONGEST = 12, WIDTH = 3, ROOM = 2 * LONGEST + 10, MAX_STEPS = 7 };

static void decode(const struct network *n, const int32_t *letters, const int32_t *lengths, int width) {
    static uint16_t symbols[WORDS * WIDTH * ROOM];
    static float probabilities[WORDS * WIDTH * ROOM];
    static uint8_t stress[WORDS * WIDTH * ROOM], complete[WORDS * WIDTH];
    static int32_t counts[WORDS * WIDTH], found[WORDS];
    struct answers answers = {symbols, probabilities, stress, counts, complete, found};
    printf("status %d\n", tanger_decode(n, WORDS, letters, lengths, width, ROOM, &answers));
    int number = 0, at = 0;
    for (int word = 0; word < WORDS; word++)
        for (int k = 0; k < found[word]; k++, number++)
            for (int step = 0; step < counts[number] + complete[number]; step++, at++) {
                printf("symbol %d\nprobability %.7f\n", symbols[at], probabilities[at]);
                if (n->stress_of_top && step < counts[number]) printf("stress %d\n", stress[at]);
            }
}

static void score_given(const struct network *n, const int32_t *letters, const int32_t *lengths) {
    static float attention[WORDS * MAX_STEPS * LONGEST], logits[WORDS * MAX_STEPS * 48];
    static float stress[WORDS * MAX_STEPS * STRESSES];
    int32_t labels[WORDS * MAX_STEPS], steps[WORDS], all = 0, places = 0;
    for (int word = 0; word < WORDS; word++) {
        steps[word] = below(MAX_STEPS + 1);
        places += steps[word] * lengths[word];
        for (int step = 0; step < steps[word]; step++) labels[all++] = below(n->symbols);
    }
    struct forced into = {n->attention ? attention : NULL, logits, n->stress_of_top ? stress : NULL};
    printf("status %d\n", tanger_force(n, WORDS, letters, lengths, labels, steps, &into));
    for (int k = 0; k < places && n->attention; k++) printf("attention %.7f\n", attention[k]);
    for (int k = 0; k < all * n->symbols; k++) printf("logit %.7f\n", logits[k]);
    for (int k = 0; k < all * STRESSES && n->stress_of_top; k++) printf("logit %.7f\n", stress[k]);
}

int main(int count, char **arguments) {
    state = count > 1 ? (uint32_t)atoi(arguments[1]) : 1;
    for (int k = 0; k < 9; k++) draw();
    struct network n = network();
    int32_t letters[WORDS * LONGEST], lengths[WORDS], all = 0, length = LONGEST;
    for (int word = 0; word < WORDS; word++) {
        lengths[word] = length;
        for (int t = 0; t < length; t++) letters[all++] = below(26);
        length -= below(3);
        if (length < 1 + 2 * n.add_bos_eos) length = 1 + 2 * n.add_bos_eos;
    }
    decode(&n, letters, lengths, 1);
    decode(&n, letters, lengths, WIDTH);
    score_given(&n, letters, lengths);
    return 0;
}
