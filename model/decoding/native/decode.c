/* Greedy and beam decoding of the quantised network, from letters to phonemes, on one CPU core.

   Computes the network of model/network/seq2seq.py. Matrix products are int8: a state in [-1, 1] is quantised
   to 255 levels, a weight to an integer of magnitude 63 or less. Their sums are exact, so that an answer depends
   neither on the other words of its batch nor on the processor's dot product. All else is float32. The
   product with a symbol's embedding is looked up in a table.

   The words are sorted by length, the longest first, and their letters are concatenated: letter t of word w is
   row first[w] + t. The product with an input is one matrix product for all rows; a recurrent step is one
   for all words that have not ended.

   This source is compiled once for each kind of processor (see build.py). The kinds differ only in `dot`
   and the vector types around it. */

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

enum { TILE_N = 32, MAX_PERIOD = 6, STRESSES = 4 };

#define INLINE static inline __attribute__((always_inline))

/* --- Fused multiply-add -------------------------------------------------------------------------- */

/* a * b + c with one rounding, on every processor; build.py forbids the compiler to fuse anything else. If a
   state differed in one bit, it could be quantised to another level, which changes probabilities by about
   0.001. Without an FMA instruction it is computed in double, which holds the product exactly and the
   sum with 29 bits more than a float. */
INLINE float fused(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__FP_FAST_FMAF)
    return __builtin_fmaf(a, b, c);
#else
    return (float)((double)a * b + c);
#endif
}

/* --- int8 matrix products ------------------------------------------------------------------------ */

#if defined(__AVX512VNNI__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

/* `dot` adds four adjacent products of state and weight to each 32-bit lane of acc. A panel of TILE_N outputs
   has PARTS vectors; TILE_M is the number of rows that are multiplied with a panel together, limited by
   the number of registers. */
#if defined(__AVX512VNNI__)
typedef __m512i ints;
enum { PARTS = 2, TILE_M = 12 };
#define LOAD(from) _mm512_loadu_si512(from)
#define BROADCAST(four) _mm512_set1_epi32(four)
/* Inline assembly, because gcc 12 copies the accumulators around with its intrinsic, at half the speed. */
INLINE ints dot(ints acc, ints states, ints weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(states), "v"(weights));
    return acc;
}
INLINE ints plus(ints a, ints b) { return _mm512_add_epi32(a, b); }
INLINE void finish(ints acc, const float *scales, const float *add, float *out) {
    _mm512_storeu_ps(out, _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(scales), _mm512_loadu_ps(add)));
}
#elif defined(__AVX2__)
typedef __m256i ints;
enum { PARTS = 4, TILE_M = 2 };
#define LOAD(from) _mm256_loadu_si256((const __m256i *)(from))
#define BROADCAST(four) _mm256_set1_epi32(four)
/* Two products are added in 16 bits, which hold 2 x 255 x 63. */
INLINE ints dot(ints acc, ints states, ints weights) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(states, weights), _mm256_set1_epi16(1)));
}
INLINE ints plus(ints a, ints b) { return _mm256_add_epi32(a, b); }
INLINE void finish(ints acc, const float *scales, const float *add, float *out) {
    _mm256_storeu_ps(out, _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(scales), _mm256_loadu_ps(add)));
}
#elif defined(__ARM_FEATURE_DOTPROD)
typedef int32x4_t ints;
enum { PARTS = 8, TILE_M = 2 };
#define LOAD(from) vld1q_s32((const int32_t *)(from))
#define BROADCAST(four) vdupq_n_s32(four)
/* vdotq_s32 takes signed states: `dot` subtracts 128 from each, so that no offsets are needed. */
#define OFFSETS(from) vdupq_n_s32(0)
INLINE ints dot(ints acc, ints states, ints weights) {
    ints lower = veorq_s32(states, vdupq_n_s32((int32_t)0x80808080));
    return vdotq_s32(acc, vreinterpretq_s8_s32(lower), vreinterpretq_s8_s32(weights));
}
INLINE ints plus(ints a, ints b) { return vaddq_s32(a, b); }
INLINE void finish(ints acc, const float *scales, const float *add, float *out) {
    vst1q_f32(out, vfmaq_f32(vld1q_f32(add), vcvtq_f32_s32(acc), vld1q_f32(scales)));
}
#else
typedef int32_t ints __attribute__((vector_size(16)));
typedef int8_t bytes __attribute__((vector_size(16)));
typedef uint8_t ubytes __attribute__((vector_size(16)));
typedef int16_t shorts __attribute__((vector_size(32)));
typedef int32_t pairs __attribute__((vector_size(32)));
typedef uint64_t fours __attribute__((vector_size(32)));
enum { PARTS = 8, TILE_M = 2 };
INLINE ints LOAD(const void *from) { ints v; memcpy(&v, from, sizeof v); return v; }
INLINE ints BROADCAST(int32_t four) { return (ints){four, four, four, four}; }
/* Adjacent lanes are added as halves of wider lanes: every compiler can vectorise shifts and sums. */
INLINE ints dot(ints acc, ints states, ints weights) {
    shorts products = __builtin_convertvector((ubytes)states, shorts) * __builtin_convertvector((bytes)weights, shorts);
    pairs two = ((pairs)products << 16 >> 16) + ((pairs)products >> 16);
    fours four = (fours)two + ((fours)two >> 32);
    return acc + __builtin_convertvector(four, ints);
}
INLINE ints plus(ints a, ints b) { return a + b; }
INLINE void finish(ints acc, const float *scales, const float *add, float *out) {
    for (int lane = 0; lane < 4; lane++) out[lane] = fused((float)acc[lane], scales[lane], add[lane]);
}
#endif

#ifndef OFFSETS
#define OFFSETS(from) LOAD(from)
#endif

enum { LANES = TILE_N / PARTS };

INLINE int32_t four_of(const uint8_t *states) {
    int32_t four;
    memcpy(&four, states, sizeof four);
    return four;
}

#define UNROLLED _Pragma("GCC unroll 16")

/* Multiplies `rows` rows with one panel of weights. */
INLINE void tile(const int rows, const struct product *p, size_t at, const uint8_t *states, size_t stride,
                 const float *const *add, float *out) {
    const int8_t *weights = p->weights + at * p->inputs;
    ints acc[TILE_M][PARTS];
    UNROLLED for (int part = 0; part < PARTS; part++)
        UNROLLED for (int row = 0; row < rows; row++) acc[row][part] = OFFSETS(p->offsets + at + part * LANES);
    for (int k = 0; k < p->inputs; k += 4) {
        ints w[PARTS];
        UNROLLED for (int part = 0; part < PARTS; part++) w[part] = LOAD(weights + k * TILE_N + part * 4 * LANES);
        UNROLLED for (int row = 0; row < rows; row++) {
            ints four = BROADCAST(four_of(states + row * stride + k));
            UNROLLED for (int part = 0; part < PARTS; part++) acc[row][part] = dot(acc[row][part], four, w[part]);
        }
    }
    UNROLLED for (int part = 0; part < PARTS; part++)
        UNROLLED for (int row = 0; row < rows; row++)
            finish(acc[row][part], p->scales + at + part * LANES, add[row] + at + part * LANES,
                   out + row * (size_t)p->outputs + at + part * LANES);
}

/* Multiplies a single row with one panel. Uses four accumulators, so that a sum does not wait for the previous
   one. */
INLINE void lone_tile(const struct product *p, size_t at, const uint8_t *states, const float *add, float *out) {
    const int8_t *weights = p->weights + at * p->inputs;
    ints acc[4][PARTS];
    UNROLLED for (int part = 0; part < PARTS; part++) {
        acc[0][part] = OFFSETS(p->offsets + at + part * LANES);
        UNROLLED for (int piece = 1; piece < 4; piece++) acc[piece][part] = BROADCAST(0);
    }
    int k = 0;
    for (; k + 16 <= p->inputs; k += 16)
        UNROLLED for (int piece = 0; piece < 4; piece++) {
            ints four = BROADCAST(four_of(states + k + 4 * piece));
            UNROLLED for (int part = 0; part < PARTS; part++)
                acc[piece][part] = dot(acc[piece][part], four, LOAD(weights + (k + 4 * piece) * TILE_N + part * 4 * LANES));
        }
    for (; k < p->inputs; k += 4) {
        ints four = BROADCAST(four_of(states + k));
        UNROLLED for (int part = 0; part < PARTS; part++)
            acc[0][part] = dot(acc[0][part], four, LOAD(weights + k * TILE_N + part * 4 * LANES));
    }
    UNROLLED for (int part = 0; part < PARTS; part++)
        finish(plus(plus(acc[0][part], acc[1][part]), plus(acc[2][part], acc[3][part])), p->scales + at + part * LANES,
               add + at + part * LANES, out + at + part * LANES);
}

/* out[row] = product(states[row]) + add[row], with rows of `outputs` floats. */
static void multiply(const struct product *p, const uint8_t *states, size_t stride, int rows,
                     const float *const *add, float *out) {
    for (size_t at = 0; at < (size_t)p->outputs; at += TILE_N) {
        int row = 0;
#define TILES(tile_m)                                                                                            \
    for (; tile_m <= TILE_M && row + tile_m <= rows; row += tile_m)                                                    \
        tile(tile_m <= TILE_M ? tile_m : TILE_M, p, at, states + row * stride, stride, add + row,                      \
             out + row * (size_t)p->outputs);
        TILES(12)
        TILES(6)
        TILES(3)
        TILES(2)
        if (row < rows) lone_tile(p, at, states + row * stride, add[row], out + row * (size_t)p->outputs);
    }
}

/* --- Element-wise functions and attention, float32 ----------------------------------------------- */

/* exp(x) for -80 < x < 80, with an error of at most two units in the last place; source: Cody & Waite (1980),
   "Software Manual for the Elementary Functions". */
INLINE float exponential(float x) {
    float whole = fused(x, 1.44269504f, 12582912.0f) - 12582912.0f;
    float rest = fused(whole, 2.12194440e-4f, fused(whole, -0.693359375f, x));
    float sum = 1.9875691500e-4f;
    sum = fused(sum, rest, 1.3981999507e-3f);
    sum = fused(sum, rest, 8.3334519073e-3f);
    sum = fused(sum, rest, 4.1665795894e-2f);
    sum = fused(sum, rest, 1.6666665459e-1f);
    sum = fused(sum, rest, 5.0000001201e-1f);
    sum = fused(sum * rest, rest, rest) + 1.0f;
    int32_t bits = ((int32_t)whole + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* exp(-x) with x clamped to [-29, 29], beyond which sigmoid and tanh are constant in float32; the product of
   three such values is finite. NaN is treated as -29. */
INLINE float decay(float x) {
    x = x > -29.0f ? x : -29.0f;
    return exponential(-(x > 29.0f ? 29.0f : x));
}

/* exp(x) for a softmax, where x is at most 0; 0 below -79, for minus infinity and for NaN. */
INLINE float softmax_term(float x) {
    return x > -79.0f ? exponential(x > -79.0f ? x : 0.0f) : 0.0f;
}

INLINE uint8_t quantise(float state) {
    return (uint8_t)(int32_t)fused(state, 127.0f, 128.5f);
}

/* New state of 16 LSTM cells from their gates i, f, g, o. With each sigmoid written as 1 / (1 + d) and each tanh
   as (1 - d) / (1 + d), a common denominator saves divisions, which are the slowest part. */
INLINE void cells16(const float *restrict i, const float *restrict f, const float *restrict g,
                    const float *restrict o, float *restrict c, float *restrict h) {
    for (int k = 0; k < 16; k++) {
        float of_i = 1 + decay(i[k]), of_f = 1 + decay(f[k]), d = decay(2 * g[k]);
        c[k] = fused(c[k] * of_i, 1 + d, of_f * (1 - d)) / (of_f * of_i * (1 + d));
        float e = decay(2 * c[k]);
        h[k] = (1 - e) / ((1 + decay(o[k])) * (1 + e));
    }
}

/* New state of `width` cells; `quantised` is h, quantised. A remainder is padded to 16 cells, because vector code is
   many times faster than a scalar loop. */
static void cells(int width, const float *gates, float *c, float *h, uint8_t *quantised) {
    int k = 0;
    for (; k + 16 <= width; k += 16)
        cells16(gates + k, gates + width + k, gates + 2 * width + k, gates + 3 * width + k, c + k, h + k);
    if (k < width) {
        float parts[6][16] = {{0}};
        size_t rest = (width - k) * sizeof(float);
        for (int gate = 0; gate < 4; gate++) memcpy(parts[gate], gates + gate * width + k, rest);
        memcpy(parts[4], c + k, rest);
        cells16(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
        memcpy(c + k, parts[4], rest);
        memcpy(h + k, parts[5], rest);
    }
    for (k = 0; k < width; k++) quantised[k] = quantise(h[k]);
}

static void squash(int width, const float *restrict x, float *restrict h, uint8_t *restrict quantised) {
    for (int k = 0; k < width; k++) {
        float d = decay(2 * x[k]);
        h[k] = (1 - d) / (1 + d);
    }
    for (int k = 0; k < width; k++) quantised[k] = quantise(h[k]);
}

/* A vector of 16 floats. `load` reads `count` of them and sets the others to zero. */
typedef float sixteen __attribute__((vector_size(64)));

/* a * b + c element-wise, see `fused`. */
INLINE sixteen fused16(sixteen a, sixteen b, sixteen c) {
#if defined(__AVX512VNNI__)
    return (sixteen)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    sixteen found;
    UNROLLED for (int k = 0; k < 16; k++) found[k] = fused(a[k], b[k], c[k]);
    return found;
#endif
}

#if defined(__AVX512VNNI__)
INLINE sixteen load(const float *from, int count) {
    return (sixteen)_mm512_maskz_loadu_ps(count < 16 ? (1 << count) - 1 : 0xffff, from);
}
#else
INLINE sixteen load(const float *from, int count) {
    sixteen found = {0};
    memcpy(&found, from, (count < 16 ? count : 16) * sizeof(float));
    return found;
}
#endif

INLINE sixteen broadcast(float x) { return x - (sixteen){0}; }

/* Inner products of `a` with `rows` rows of `b`. The order of summation does not depend on the number of rows. */
INLINE void inners(const int rows, int width, const float *a, const float *b, size_t stride, float *into) {
    sixteen even[4] = {{0}}, odd[4] = {{0}};
    int k = 0;
    for (; k + 32 <= width; k += 32)
        UNROLLED for (int row = 0; row < rows; row++) {
            even[row] = fused16(load(a + k, 16), load(b + row * stride + k, 16), even[row]);
            odd[row] = fused16(load(a + k + 16, 16), load(b + row * stride + k + 16, 16), odd[row]);
        }
    for (; k < width; k += 16)
        UNROLLED for (int row = 0; row < rows; row++)
            even[row] = fused16(load(a + k, width - k), load(b + row * stride + k, width - k), even[row]);
    UNROLLED for (int row = 0; row < rows; row++) {
        float sums[16], sum = 0;
        even[row] += odd[row];
        memcpy(sums, &even[row], sizeof sums);
        for (int lane = 0; lane < 8; lane++) sum += sums[lane] + sums[lane + 8];
        into[row] = sum;
    }
}

INLINE float inner(int width, const float *a, const float *b) {
    float sum;
    inners(1, width, a, b, 0, &sum);
    return sum;
}

/* into[k] = the sum over t of weights[t] * values[t, k], for k < count; `parts` is count / 16, rounded up. */
INLINE void blend(const int parts, int count, int width, int letters, const float *weights, const float *values,
                  float *into) {
    sixteen sums[8] = {{0}};
    for (int t = 0; t < letters; t++, values += width)
        UNROLLED for (int part = 0; part < parts; part++)
            sums[part] = fused16(broadcast(weights[t]), load(values + 16 * part, count - 16 * part), sums[part]);
    memcpy(into, sums, count * sizeof(float));
}

/* Attention of a query over the letters of its word: the weights, and the context vector. */
static void attend(int width, int letters, const float *query, const float *keys, size_t key_stride,
                   const float *values, float *attention_row, float *context) {
    float largest = -INFINITY, sum = 0;
    int t = 0;
    for (; t + 4 <= letters; t += 4) inners(4, width, query, keys + t * key_stride, key_stride, attention_row + t);
    for (; t < letters; t++) attention_row[t] = inner(width, query, keys + t * key_stride);
    for (int t = 0; t < letters; t++) largest = attention_row[t] > largest ? attention_row[t] : largest;
    for (int t = 0; t < letters; t++) attention_row[t] = softmax_term(attention_row[t] - largest);
    for (int t = 0; t < letters; t++) sum += attention_row[t];
    for (int t = 0; t < letters; t++) attention_row[t] /= sum;
    int k = 0;
    for (; k + 128 <= width; k += 128) blend(8, 128, width, letters, attention_row, values + k, context + k);
    for (; k + 16 <= width; k += 16) blend(1, 16, width, letters, attention_row, values + k, context + k);
    if (k < width) blend(1, width - k, width, letters, attention_row, values + k, context + k);
}

/* --- Memory: one allocation per call ------------------------------------------------------------- */

struct arena { char *start, *next; size_t size; };

/* The layout is computed twice: first without memory, to count the bytes. Each piece is aligned to a cache line. */
static void *piece(struct arena *arena, size_t bytes) {
    size_t whole = (bytes + 63) / 64 * 64;
    arena->size += whole;
    if (!arena->next) return NULL;
    char *found = arena->next;
    arena->next += whole;
    return found;
}

#define PIECE(count, type) ((type *)piece(arena, (size_t)(count) * sizeof(type)))

static int padded(int width) { return (width + 3) / 4 * 4; }

/* Emitted symbols of S slots, with room for `room` steps each. A word has one slot, or with a beam one per
   hypothesis. */
struct emitted {
    uint16_t *symbols;             /* [S, room] */
    float *probabilities;          /* [S, room] */
    float *stresses;               /* [S, room, STRESSES] logits */
    int32_t *counts;               /* [S] symbols before </s> */
    uint8_t *complete;             /* [S] */
    int32_t *runs;              /* [S, MAX_PERIOD] lengths of runs, see run_limits in repetition.py */
};

struct work {
    /* Encoder: B words, R letters in all, D directions */
    int32_t *first;                /* [B + 1] */
    const float **add;             /* [R] */
    float *inputs;                 /* [R, outputs] the inputs' part of the gates */
    uint8_t *below, *above;        /* [R, D, padded width] */
    float *states;                 /* [R, H] states of the top layer */
    float *keys;                   /* [R, outputs of the key product] */
    float *h, *c;                  /* [layers, B, H] last state of each encoder layer */
    uint8_t *quantised;            /* [B, padded width] */
    float *gates;                  /* [S, largest number of outputs] */
    /* Decoder: one row per active hypothesis, at most S; finished ones have no row. A word has one row, or
       with a beam several. */
    int32_t *word, *label;         /* [S] */
    float *row_h, *row_c;          /* [layers, S, H] */
    uint8_t *read;                 /* [layers, S, 2 parts]: input from below, and h */
    uint8_t *mixed;                /* [S, 2 parts]: context, query */
    float *tops;                   /* [S, H] */
    float *logits;                 /* [S, padded symbols] */
    float *attention_row, *context;       /* [T], [H] */
    float **attention;             /* [S] destination of each row's attention weights; NULL if they are not requested */
    int32_t *limits;               /* [B, MAX_PERIOD] */
    struct emitted emitted;
};

static void lay_out_emitted(const struct network *n, int slots, int room, struct arena *arena,
                            struct emitted *emitted) {
    emitted->symbols = PIECE((size_t)slots * room, uint16_t);
    emitted->probabilities = PIECE((size_t)slots * room, float);
    emitted->stresses = PIECE(n->stress_of_top ? (size_t)slots * room * STRESSES : 0, float);
    emitted->counts = PIECE(slots, int32_t);
    emitted->complete = PIECE(slots, uint8_t);
    emitted->runs = PIECE((size_t)slots * MAX_PERIOD, int32_t);
}

static void lay_out(const struct network *n, int words, int rows, int longest, int slots, int room,
                    struct arena *arena, struct work *w) {
    int hidden = n->hidden, part = padded(hidden), largest = 0, layers = n->decoder_layers;
    for (int l = 0; l < n->encoder_layers * n->directions; l++)
        if (n->encoder[l].hidden.outputs > largest) largest = n->encoder[l].hidden.outputs;
    for (int l = 0; l < layers; l++)
        if (n->decoder[l].hidden.outputs > largest) largest = n->decoder[l].hidden.outputs;
    size_t row_size = (size_t)n->directions * padded(n->width);
    w->first = PIECE(words + 1, int32_t);
    w->add = PIECE(rows > slots ? rows : slots, const float *);
    w->inputs = PIECE((size_t)rows * largest, float);
    w->below = PIECE(rows * row_size, uint8_t);
    w->above = PIECE(rows * row_size, uint8_t);
    w->states = PIECE((size_t)rows * hidden, float);
    w->keys = PIECE((size_t)rows * n->key.outputs, float);
    w->h = PIECE((size_t)n->encoder_layers * words * hidden, float);
    w->c = PIECE((size_t)n->encoder_layers * words * hidden, float);
    w->quantised = PIECE((size_t)words * padded(n->width), uint8_t);
    w->gates = PIECE((size_t)slots * largest, float);
    w->word = PIECE(slots, int32_t);
    w->label = PIECE(slots, int32_t);
    w->row_h = PIECE((size_t)layers * slots * hidden, float);
    w->row_c = PIECE((size_t)layers * slots * hidden, float);
    w->read = PIECE((size_t)layers * slots * 2 * part, uint8_t);
    w->mixed = PIECE((size_t)slots * 2 * part, uint8_t);
    w->tops = PIECE((size_t)slots * hidden, float);
    w->logits = PIECE((size_t)slots * n->padded_symbols, float);
    w->attention_row = PIECE(longest, float);
    w->context = PIECE(hidden, float);
    w->attention = NULL;
    w->limits = PIECE(words * MAX_PERIOD, int32_t);
    lay_out_emitted(n, slots, room, arena, &w->emitted);
}

/* --- Encoder ------------------------------------------------------------------------------------- */

/* Runs one direction of one layer. `direction` is its index in the concatenated states. */
static void read_layer(const struct network *n, const struct layer *layer, int height, int direction, int back,
                       int words, const int32_t *letters, const int32_t *lengths, struct work *w) {
    int width = n->width, part = padded(width), outputs = layer->hidden.outputs;
    size_t row_size = (size_t)n->directions * part;
    int rows = w->first[words], top = height == n->encoder_layers - 1;
    float *ends_h = w->h + (size_t)height * words * n->hidden + direction * width;
    float *ends_c = w->c + (size_t)height * words * n->hidden + direction * width;
    if (height) {
        for (int row = 0; row < rows; row++) w->add[row] = layer->bias;
        multiply(&layer->input, w->below, row_size, rows, w->add, w->inputs);
    }
    for (int word = 0; word < words; word++) memset(ends_c + (size_t)word * n->hidden, 0, width * sizeof(float));
    int going = words;
    for (int step = 0; step < lengths[0]; step++) {
        while (lengths[going - 1] <= step) going--;
        for (int word = 0; word < going; word++) {
            int row = w->first[word] + (back ? lengths[word] - 1 - step : step);
            w->add[word] = height ? w->inputs + (size_t)row * outputs
                                  : layer->table + (size_t)letters[row] * outputs;
        }
        if (step) multiply(&layer->hidden, w->quantised, part, going, w->add, w->gates);
        for (int word = 0; word < going; word++) {
            int row = w->first[word] + (back ? lengths[word] - 1 - step : step);
            float *h = ends_h + (size_t)word * n->hidden;
            uint8_t *quantised = w->quantised + (size_t)word * part;
            cells(width, step ? w->gates + (size_t)word * outputs : w->add[word], ends_c + (size_t)word * n->hidden,
                  h, quantised);
            memcpy(w->above + row * row_size + direction * part, quantised, part);
            if (top) memcpy(w->states + (size_t)row * n->hidden + direction * width, h, width * sizeof(float));
        }
    }
}

static void encode(const struct network *n, int words, const int32_t *letters, const int32_t *lengths,
                       struct work *w) {
    for (int height = 0; height < n->encoder_layers; height++) {
        for (int direction = 0; direction < n->directions; direction++)
            read_layer(n, n->encoder + height * n->directions + direction, height, direction,
                       n->directions == 2 ? direction : n->reads_backward, words, letters, lengths, w);
        uint8_t *read = w->below;
        w->below = w->above;
        w->above = read;
    }
    if (!n->attention) return;
    int rows = w->first[words];
    for (int row = 0; row < rows; row++) w->add[row] = n->zeros;
    multiply(&n->key, w->below, (size_t)n->directions * padded(n->width), rows, w->add, w->keys);
}

/* --- Greedy decoding ----------------------------------------------------------------------------- */

/* Limits on repetitions, see run_limits in model/decoding/repetition.py. */
static void run_limits(const int32_t *letters, int length, int32_t *limits) {
    int repeats = 1;
    for (int size = 1; size <= MAX_PERIOD; size++) {
        int run = 0;
        for (int t = size; t < length; t++) {
            run = letters[t] == letters[t - size] ? run + 1 : 0;
            if (run / size + 1 > repeats) repeats = run / size + 1;
        }
    }
    for (int size = 1; size <= MAX_PERIOD; size++) {
        int least = size == 1 ? 4 : 3;
        limits[size - 1] = ((repeats > least ? repeats : least) - 1) * size;
    }
}

/* Computes the logits of `rows` rows, four at a time, so that the sums do not wait for each other. */
static void score(const struct network *n, int rows, const float *tops, float *logits) {
    int symbols = n->padded_symbols, hidden = n->hidden;
    for (int row = 0; row < rows; row += 4) {
        const float *top[4];
        for (int r = 0; r < 4; r++) top[r] = tops + (size_t)(row + r < rows ? row + r : row) * hidden;
        for (int first = 0; first < symbols; first += 16) {
            sixteen bias = load(n->output_bias + first, 16), sums[4] = {bias, bias, bias, bias};
            const float *weight = n->output_weight + first;
            for (int k = 0; k < hidden; k++, weight += symbols) {
                sixteen of = load(weight, 16);
                UNROLLED for (int r = 0; r < 4; r++) sums[r] = fused16(broadcast(top[r][k]), of, sums[r]);
            }
            for (int r = 0; r < 4 && row + r < rows; r++)
                memcpy(logits + (size_t)(row + r) * symbols + first, &sums[r], sizeof sums[r]);
        }
    }
}

/* Starts one row per word, from the encoder's last states. */
static void start_rows(const struct network *n, int words, int slots, const int32_t *letters, const int32_t *lengths,
                       struct work *w) {
    int hidden = n->hidden, part = padded(hidden);
    for (int row = 0; row < words; row++) {
        w->word[row] = row;
        w->label[row] = n->start;
        run_limits(letters + w->first[row] + n->add_bos_eos, lengths[row] - 2 * n->add_bos_eos,
                      w->limits + row * MAX_PERIOD);
    }
    memset(w->emitted.runs, 0, (size_t)slots * MAX_PERIOD * sizeof(int32_t));
    memset(w->read, 128, (size_t)n->decoder_layers * slots * 2 * part);
    memset(w->row_c, 0, (size_t)n->decoder_layers * slots * hidden * sizeof(float));
    for (int l = 0; l < (n->init_each_layer ? n->decoder_layers : 1); l++) {
        size_t from = (size_t)(n->init_each_layer ? l : n->encoder_layers - 1) * words * hidden;
        size_t to = (size_t)l * slots;
        memcpy(w->row_c + to * hidden, w->c + from, (size_t)words * hidden * sizeof(float));
        for (int row = 0; row < words; row++)
            for (int k = 0; k < hidden; k++)
                w->read[(to + row) * 2 * part + part + k] = quantise(w->h[from + (size_t)row * hidden + k]);
    }
}

/* Computes one step of `rows` rows; the input of the output layer is written to w->tops. */
static void step(const struct network *n, int slots, int rows, const int32_t *lengths, struct work *w) {
    int hidden = n->hidden, part = padded(hidden);
    const float *x = NULL;
    for (int l = 0; l < n->decoder_layers; l++) {
        const struct layer *layer = n->decoder + l;
        uint8_t *read = w->read + (size_t)l * slots * 2 * part;
        int below = l || n->attention;  /* without attention, the lowest layer's only input is h */
        for (int row = 0; row < rows; row++) {
            if (l) memcpy(read + (size_t)row * 2 * part, read - (size_t)(slots - row) * 2 * part + part, part);
            w->add[row] = l ? layer->bias : layer->table + (size_t)w->label[row] * layer->hidden.outputs;
        }
        multiply(&layer->hidden, read + (below ? 0 : part), 2 * part, rows, w->add, w->gates);
        for (int row = 0; row < rows; row++) {
            size_t at = ((size_t)l * slots + row) * hidden;
            cells(hidden, w->gates + (size_t)row * layer->hidden.outputs, w->row_c + at, w->row_h + at,
                  read + (size_t)row * 2 * part + part);
        }
        x = w->row_h + (size_t)l * slots * hidden;
    }
    if (!n->attention) {
        memcpy(w->tops, x, (size_t)rows * hidden * sizeof(float));
        return;
    }
    const uint8_t *query = w->read + (size_t)(n->decoder_layers - 1) * slots * 2 * part + part;
    for (int row = 0; row < rows; row++) {
        int word = w->word[row], first = w->first[word];
        uint8_t *mixed = w->mixed + (size_t)row * 2 * part;
        attend(hidden, lengths[word], x + (size_t)row * hidden, w->keys + (size_t)first * n->key.outputs,
               n->key.outputs, w->states + (size_t)first * hidden, w->attention ? w->attention[row] : w->attention_row,
               w->context);
        for (int k = 0; k < hidden; k++) mixed[k] = quantise(w->context[k]);
        memcpy(mixed + part, query + (size_t)row * 2 * part, part);
        w->add[row] = n->zeros;
    }
    multiply(&n->output_projection, w->mixed, 2 * part, rows, w->add, w->gates);
    for (int row = 0; row < rows; row++)
        squash(hidden, w->gates + (size_t)row * n->output_projection.outputs, w->tops + (size_t)row * hidden,
               w->read + (size_t)row * 2 * part);
}

/* Replaces the logits of a row with probabilities, 0 for blocked repetitions; returns the most probable symbol.

   No pronunciation is empty: </s> may not be the first symbol. Its probability is not redistributed (see
   model/decoding/reference.py); if all others are 0, the most probable one gets the smallest positive
   number. */
static int masked_softmax(const struct network *n, float *logits, const uint16_t *emitted, int count,
                          const int32_t *runs, const int32_t *limits) {
    for (int size = 1; size <= MAX_PERIOD && size <= count; size++)
        if (runs[size - 1] >= limits[size - 1]) logits[emitted[count - size]] = -INFINITY;
    int best = 0;
    float end = logits[n->end];
    if (!count) logits[n->end] = -INFINITY;
    for (int symbol = 1; symbol < n->symbols; symbol++)
        if (logits[symbol] > logits[best]) best = symbol;
    logits[n->end] = end;
    float largest = end > logits[best] ? end : logits[best], sum = 0;
    for (int symbol = 0; symbol < n->padded_symbols; symbol++) logits[symbol] = softmax_term(logits[symbol] - largest);
    for (int symbol = 0; symbol < n->padded_symbols; symbol++) sum += logits[symbol];
    for (int symbol = 0; symbol < n->padded_symbols; symbol++) logits[symbol] /= sum;
    if (!count) {
        logits[n->end] = 0;
        if (logits[best] < FLT_MIN) logits[best] = FLT_MIN;
    }
    return best;
}

/* Computes the logits of a symbol's stress classes from the state that emitted it. */
static void score_stress(const struct network *n, int symbol, const float *top, float *logits) {
    for (int class = 0; class < STRESSES; class++)
        logits[class] = n->stress_of_symbol[symbol * STRESSES + class] +
                        inner(n->hidden, n->stress_of_top + (size_t)class * n->hidden, top);
}

/* Appends a symbol to a slot that has `count` symbols; `top` is the state that emitted it. */
static void emit(const struct network *n, struct emitted *emitted, int slot, int room, int count, int symbol,
                 float probability, const float *top) {
    size_t at = (size_t)slot * room + count;
    int32_t *runs = emitted->runs + slot * MAX_PERIOD;
    emitted->symbols[at] = symbol;
    emitted->probabilities[at] = probability;
    emitted->complete[slot] = symbol == n->end;
    emitted->counts[slot] = count + !emitted->complete[slot];
    for (int size = 1; size <= MAX_PERIOD && size <= count; size++)
        runs[size - 1] = symbol == emitted->symbols[at - size] ? runs[size - 1] + 1 : 0;
    if (n->stress_of_top && !emitted->complete[slot]) score_stress(n, symbol, top, emitted->stresses + at * STRESSES);
}

/* The most probable stress classes with exactly one primary stress, see model/phonology/stress.py. */
static void one_primary(const float *logits, int count, uint8_t *classes) {
    int chosen = -1;
    float largest = -INFINITY;
    for (int k = 0; k < count; k++) {
        const float *of = logits + k * STRESSES; /* no vowel, unstressed, primary, secondary */
        float vowel = fmaxf(of[1], fmaxf(of[2], of[3])), gain = of[2] - fmaxf(of[1], of[3]);
        classes[k] = vowel <= of[0] ? 0 : of[3] > of[1] ? 3 : 1;
        if (classes[k] && gain > largest) {
            largest = gain;
            chosen = k;
        }
    }
    if (chosen >= 0) classes[chosen] = 2;
}

/* Writes the emitted symbols of all hypotheses, concatenated. `found` is NULL if each word has one. */
static void write_outputs(const struct network *n, const struct emitted *emitted, int words, int width,
                          const int32_t *found, int room, struct answers *answers) {
    size_t into = 0;
    int number = 0;
    for (int word = 0; word < words; word++) {
        answers->found[word] = found ? found[word] : 1;
        for (int slot = word * width; slot < word * width + answers->found[word]; slot++, number++) {
            size_t at = (size_t)slot * room, steps = emitted->counts[slot] + emitted->complete[slot];
            memcpy(answers->symbols + into, emitted->symbols + at, steps * sizeof(uint16_t));
            memcpy(answers->probabilities + into, emitted->probabilities + at, steps * sizeof(float));
            if (n->stress_of_top)
                one_primary(emitted->stresses + at * STRESSES, emitted->counts[slot], answers->stress + into);
            answers->counts[number] = emitted->counts[slot];
            answers->complete[number] = emitted->complete[slot];
            into += steps;
        }
    }
}

/* Largest number of steps of a word, see length_bound in model/decoding/hypothesis.py. */
static int bound(const struct network *n, int length) { return 2 * (length - 2 * n->add_bos_eos) + 10; }

/* Copies the decoder state of one row to another. */
static void copy_row(const struct network *n, int slots, const float *from_c, const uint8_t *from_read, int from,
                     float *to_c, uint8_t *to_read, int to) {
    int hidden = n->hidden, part = padded(hidden);
    for (size_t layer = 0; layer < (size_t)n->decoder_layers * slots; layer += slots) {
        memcpy(to_c + (layer + to) * hidden, from_c + (layer + from) * hidden, hidden * sizeof(float));
        memcpy(to_read + (layer + to) * 2 * part, from_read + (layer + from) * 2 * part, 2 * part);
    }
}

/* Removes a finished row by moving the last row to its place. Returns the number of rows left. */
static int drop_row(const struct network *n, int slots, int rows, int row, struct work *w) {
    int last = rows - 1;
    if (row == last) return last;
    w->word[row] = w->word[last];
    w->label[row] = w->label[last];
    copy_row(n, slots, w->row_c, w->read, last, w->row_c, w->read, row);
    return last;
}

static void decode_greedy(const struct network *n, int words, const int32_t *lengths, int room, struct work *w) {
    struct emitted *emitted = &w->emitted;
    int rows = words;
    for (int count = 0; rows; count++) {
        step(n, words, rows, lengths, w);
        score(n, rows, w->tops, w->logits);
        for (int row = rows - 1; row >= 0; row--) {
            int word = w->word[row];
            float *probabilities = w->logits + (size_t)row * n->padded_symbols;
            int symbol = masked_softmax(n, probabilities, emitted->symbols + (size_t)word * room, count,
                               emitted->runs + word * MAX_PERIOD, w->limits + word * MAX_PERIOD);
            emit(n, emitted, word, room, count, symbol, probabilities[symbol], w->tops + (size_t)row * n->hidden);
            w->label[row] = symbol;
            if (emitted->complete[word] || count + 1 >= bound(n, lengths[word]))
                rows = drop_row(n, words, rows, row, w);
        }
    }
}

/* --- Beam search ----------------------------------------------------------------------------------- */

/* The first of a word's K hypotheses is always the greedy one. The others are the most probable among all
   extensions of the previous step's hypotheses and its finished hypotheses. */

struct candidate { float score, probability; int slot, symbol; };

struct beam {
    float *scores;             /* [B, K] logarithms */
    int32_t *rows;             /* [B, K] row in the batch; -1 if it is finished */
    int32_t *found;            /* [B] number of hypotheses */
    struct emitted emitted;
    float *row_c;
    uint8_t *read;
};

static void lay_out_beam(const struct network *n, int words, int width, int room, struct arena *arena, struct beam *b,
                         const struct work *sharing) {
    int slots = words * width;
    b->scores = PIECE(slots, float);
    b->rows = PIECE(slots, int32_t);
    b->found = PIECE(words, int32_t);
    if (sharing) {
        b->emitted = sharing->emitted;
        b->row_c = sharing->row_c;
        b->read = sharing->read;
        return;
    }
    lay_out_emitted(n, slots, room, arena, &b->emitted);
    b->row_c = PIECE((size_t)n->decoder_layers * slots * n->hidden, float);
    b->read = PIECE((size_t)n->decoder_layers * slots * 2 * padded(n->hidden), uint8_t);
}

/* Copies the symbols of a hypothesis to another slot. */
static void copy_emitted(const struct network *n, int room, int count, const struct emitted *from, int source,
                         struct emitted *to, int target) {
    size_t at = (size_t)source * room, into = (size_t)target * room;
    memcpy(to->symbols + into, from->symbols + at, count * sizeof(uint16_t));
    memcpy(to->probabilities + into, from->probabilities + at, count * sizeof(float));
    if (n->stress_of_top)
        memcpy(to->stresses + into * STRESSES, from->stresses + at * STRESSES, count * STRESSES * sizeof(float));
    memcpy(to->runs + target * MAX_PERIOD, from->runs + source * MAX_PERIOD,
           MAX_PERIOD * sizeof(int32_t));
    to->counts[target] = from->counts[source];
    to->complete[target] = from->complete[source];
}

/* Writes the `width` most probable symbols of a row to `into`, the most probable first; returns their number. */
static int top_symbols(const struct network *n, const float *probabilities, float score, int slot, int width,
                     struct candidate *into) {
    int count = 0;
    for (int symbol = 0; symbol < n->symbols; symbol++) {
        if (probabilities[symbol] <= 0) continue;
        if (count == width && probabilities[symbol] <= into[count - 1].probability) continue;
        int place = count < width ? count++ : count - 1;
        for (; place && into[place - 1].probability < probabilities[symbol]; place--) into[place] = into[place - 1];
        into[place] = (struct candidate){score + logf(probabilities[symbol]), probabilities[symbol], slot, symbol};
    }
    return count;
}

/* Extends the hypotheses of one word by a step, from `old` to `new`, whose rows start at `rows`. */
static int extend_beam(const struct network *n, int word, int width, int slots, int room, int count, int last,
                       struct work *w, const struct beam *old, struct beam *new, struct candidate *candidates,
                       int rows) {
    int many = 0;
    for (int slot = word * width; slot < word * width + old->found[word]; slot++)
        if (old->rows[slot] < 0)
            candidates[many++] = (struct candidate){old->scores[slot], 0, slot, -1};
        else
            many += top_symbols(n, w->logits + (size_t)old->rows[slot] * n->padded_symbols, old->scores[slot], slot, width,
                              candidates + many);
    new->found[word] = many < width ? many : width;
    for (int place = 0; place < new->found[word]; place++) {
        int best = place;
        for (int other = place + 1; place && other < many; other++)
            if (candidates[other].score > candidates[best].score) best = other;
        struct candidate one = candidates[best];
        for (; best > place; best--) candidates[best] = candidates[best - 1]; /* stable: equal ones keep their order */
        int slot = word * width + place;
        copy_emitted(n, room, count, &old->emitted, one.slot, &new->emitted, slot);
        new->scores[slot] = one.score;
        new->rows[slot] = -1;
        if (one.symbol < 0) continue;
        int row = old->rows[one.slot];
        emit(n, &new->emitted, slot, room, count, one.symbol, one.probability, w->tops + (size_t)row * n->hidden);
        if (new->emitted.complete[slot] || last) continue;
        copy_row(n, slots, old->row_c, old->read, row, new->row_c, new->read, rows);
        w->word[rows] = word;
        w->label[rows] = one.symbol;
        new->rows[slot] = rows++;
    }
    return rows;
}

static const struct beam *decode_beam(const struct network *n, int words, const int32_t *lengths, int room, int width,
                                      struct work *w, struct beam *old, struct beam *new,
                                      struct candidate *candidates) {
    int rows = words, slots = words * width;
    for (int word = 0; word < words; word++) {
        old->found[word] = 1;
        old->scores[word * width] = 0;
        old->rows[word * width] = word;
    }
    for (int count = 0; rows; count++) {
        step(n, slots, rows, lengths, w);
        score(n, rows, w->tops, w->logits);
        for (int slot = 0; slot < slots; slot++)
            if (slot % width < old->found[slot / width] && old->rows[slot] >= 0)
                masked_softmax(n, w->logits + (size_t)old->rows[slot] * n->padded_symbols,
                      old->emitted.symbols + (size_t)slot * room, count, old->emitted.runs + slot * MAX_PERIOD,
                      w->limits + slot / width * MAX_PERIOD);
        rows = 0;
        for (int word = 0; word < words; word++)
            rows = extend_beam(n, word, width, slots, room, count, count + 1 == bound(n, lengths[word]), w, old, new,
                         candidates, rows);
        struct beam *before = old;
        old = new;
        new = before;
        w->row_c = old->row_c;
        w->read = old->read;
    }
    return old;
}

/* --- Teacher forcing ----------------------------------------------------------------------------- */

/* Offsets of a word's steps and attention weights in the concatenated outputs. */
struct place { size_t steps, attention; };

static void force(const struct network *n, int words, const int32_t *lengths, const int32_t *labels,
                  const int32_t *steps, struct place *places, struct work *w, const struct forced *into) {
    struct place next = {0, 0};
    for (int word = 0; word < words; word++) {
        places[word] = next;
        next.steps += steps[word];
        next.attention += (size_t)steps[word] * lengths[word];
    }
    int rows = words;
    for (int count = 0;; count++) {
        for (int row = rows - 1; row >= 0; row--)
            if (steps[w->word[row]] <= count) rows = drop_row(n, words, rows, row, w);
        if (!rows) return;
        for (int row = 0; row < rows && into->attention; row++) {
            int word = w->word[row];
            w->attention[row] = into->attention + places[word].attention + (size_t)count * lengths[word];
        }
        step(n, words, rows, lengths, w);
        if (into->logits) score(n, rows, w->tops, w->logits);
        for (int row = 0; row < rows; row++) {
            size_t at = places[w->word[row]].steps + count;
            w->label[row] = labels[at];
            if (into->logits)
                memcpy(into->logits + at * n->symbols, w->logits + (size_t)row * n->padded_symbols,
                       n->symbols * sizeof(float));
            if (into->stress)
                score_stress(n, labels[at], w->tops + (size_t)row * n->hidden, into->stress + at * STRESSES);
        }
    }
}

/* --- Functions called from Python ---------------------------------------------------------------- */

static void begin(const struct network *n, int words, const int32_t *letters, const int32_t *lengths, int slots,
                  struct work *w) {
    w->first[0] = 0;
    for (int word = 0; word < words; word++) w->first[word + 1] = w->first[word] + lengths[word];
    encode(n, words, letters, lengths, w);
    start_rows(n, words, slots, letters, lengths, w);
}

/* Hash of the source, checked by the caller, whose structures must have the same layout. */
const char *tanger_source(void) {
    return TANGER_SOURCE;
}

/* Number of letters of all words; -1 if the lengths are not valid. */
static int count_letters(int words, const int32_t *lengths) {
    int rows = 0;
    if (words < 1) return -1;
    for (int word = 0; word < words; word++) {
        if (lengths[word] < 1 || lengths[word] > lengths[0] || rows > INT_MAX - lengths[word]) return -1;
        rows += lengths[word];
    }
    return rows;
}

/* Returns 0; -1 if there is not enough memory, -2 if the words or the width are not valid. */
int tanger_decode(const struct network *n, int words, const int32_t *letters, const int32_t *lengths, int width,
                  int room, struct answers *answers) {
    int rows = count_letters(words, lengths);
    if (rows < 0 || width < 1 || words > INT_MAX / width) return -2;
    int slots = words * width;
    struct work work;
    struct beam beams[2];
    struct candidate *candidates = NULL;
    struct arena memory = {NULL, NULL, 0}, *arena = &memory;
    for (int counting = 1; counting >= 0; counting--) {
        lay_out(n, words, rows, lengths[0], slots, room, arena, &work);
        if (width > 1) {
            lay_out_beam(n, words, width, room, arena, &beams[0], &work);
            lay_out_beam(n, words, width, room, arena, &beams[1], NULL);
            candidates = PIECE((size_t)width * (width + 1), struct candidate);
        }
        if (counting && !(arena->next = aligned_alloc(64, arena->size))) return -1;
        if (counting) arena->start = arena->next;
    }
    begin(n, words, letters, lengths, slots, &work);
    if (width == 1) {
        decode_greedy(n, words, lengths, room, &work);
        write_outputs(n, &work.emitted, words, 1, NULL, room, answers);
    } else {
        const struct beam *last = decode_beam(n, words, lengths, room, width, &work, &beams[0], &beams[1], candidates);
        write_outputs(n, &last->emitted, words, width, last->found, room, answers);
    }
    free(arena->start);
    return 0;
}

/* Returns as tanger_decode. */
int tanger_force(const struct network *n, int words, const int32_t *letters, const int32_t *lengths,
                 const int32_t *labels, const int32_t *steps, const struct forced *into) {
    int rows = count_letters(words, lengths);
    if (rows < 0) return -2;
    struct work work;
    struct place *places = NULL;
    float **attention = NULL;
    struct arena memory = {NULL, NULL, 0}, *arena = &memory;
    for (int counting = 1; counting >= 0; counting--) {
        lay_out(n, words, rows, lengths[0], words, 0, arena, &work);
        places = PIECE(words, struct place);
        attention = PIECE(words, float *);
        if (counting && !(arena->next = aligned_alloc(64, arena->size))) return -1;
        if (counting) arena->start = arena->next;
    }
    if (into->attention) work.attention = attention;
    begin(n, words, letters, lengths, words, &work);
    force(n, words, lengths, labels, steps, places, &work, into);
    free(arena->start);
    return 0;
}
