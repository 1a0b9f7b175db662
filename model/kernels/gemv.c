/* Products of a few rows of activations with stored weights, as in decoding a token, and the steps between products.
 *
 * Every product computes y[m][n] = bias[n] + sum over k of x[m][k] * w[n][k], for `batch` rows m of activations, `rows`
 * outputs n and `inner` inputs k. A weight is read from memory once however many rows of activations there are, so the
 * ceiling is bytes of weights / memory bandwidth. Sums are float32 (int32 within a group of int4).
 *
 *   format  bytes a weight          activations
 *   bf16    2                       float32
 *   int8    1 + 4 / inner           int8, a scale for each 64 (half of the weights' error)
 *   int4    0.5 + 2 / 64            the same (a twentieth of the weights' error)
 *
 * The loops are plain C that compilers turn into vectors for several instruction sets, the widest that the machine has
 * chosen once; for AVX-512 with VNNI the formats have forms of their own, which compilers do not find. Threads are
 * OpenMP's, in the pool of the library that torch has loaded, so that they do not spin against each other. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_num_threads(void) { return 1; }
static int omp_get_thread_num(void) { return 0; }
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define X86 1
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,prefer-vector-width=512")))
#define HALF __attribute__((target("avx2,fma")))
#else
#define X86 0
#define WIDE
#define HALF
#endif
#define INLINE static inline __attribute__((always_inline))

enum { VERSION = 4, PLAIN = 0, AVX2 = 1, AVX512 = 2, TOGETHER = 4, GROUP = 64, TRIES = 16, MATRICES = 4,
       SHORT = 4096, AHEAD = 4096 };
enum { BF16, INT8, INT4, UNPACK, QUANTIZE, SCALE, NORM, PACK, MOST, GATE, ROTATE, ATTEND, PREPARE, FINISH };

/* A stored matrix and where its product goes, as kernels/__init__.py hands it over. */
typedef struct {
    const void *weights;
    const void *scales; /* int8: float a row; int4: bfloat16 a group; bf16: NULL */
    const void *bias;   /* or NULL; bfloat16 for bf16, else float */
    void *y;            /* (batch, rows) */
    long rows;
} Matrix;

/* One product; what a format does not use is NULL. */
typedef struct {
    const Matrix *of;
    const void *given; /* the activations as they came, (batch, inner) */
    float *x;          /* in float32 */
    int8_t *q;         /* x quantised by groups */
    float *steps, *sums, *y; /* of each group of q its scale, and its sum times that; (batch, rows) */
    const float *gate; /* or NULL: silu of it is multiplied to y, (batch, rows) */
    int half, format, add;  /* `given` and of->y are bfloat16; the product is added to of->y */
    long rows, inner, batch;
} Product;
INLINE float widen(uint16_t value) {
    uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Round to nearest even; a NaN stays one. */
INLINE uint16_t narrow(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Value k of an array that is bfloat16 where `half` is 1, else float32. */
INLINE float at(const void *x, int half, long k) {
    return half ? widen(((const uint16_t *)x)[k]) : ((const float *)x)[k];
}
INLINE void put(void *y, int half, long k, float value) {
    if (half) ((uint16_t *)y)[k] = narrow(value);
    else ((float *)y)[k] = value;
}

/* Four rows at a time: x is loaded once, and four chains of sums hide each other's latency. */
INLINE void dot_bf16(const uint16_t *a, long stride, const float *x, long inner, float *y) {
    const uint16_t *b = a + stride, *c = b + stride, *d = c + stride;
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (long k = 0; k < inner; k++) {
        s0 += widen(a[k]) * x[k];
        s1 += widen(b[k]) * x[k];
        s2 += widen(c[k]) * x[k];
        s3 += widen(d[k]) * x[k];
    }
    y[0] = s0, y[1] = s1, y[2] = s2, y[3] = s3;
}

/* A group of weights as small unsigned numbers: int8 plus 128, or int4 plus 8, whose byte k holds weight k in its low
 * half and weight k + 32 in its high half. */
INLINE void spread(const uint8_t *w, int four, uint8_t *to) {
    for (long k = 0; four && k < GROUP / 2; k++) to[k] = w[k] & 15, to[k + GROUP / 2] = w[k] >> 4;
    for (long k = 0; !four && k < GROUP; k++) to[k] = w[k] ^ 128;
}

/* A row of int8 or int4 by groups, whose sums take out again what made the weights unsigned. */
INLINE float dot_int(const uint8_t *w, const uint16_t *scales, int four, const int8_t *q, const float *steps,
                     const float *sums, long inner) {
    float total = 0;
    uint8_t weights[GROUP];
    for (long g = 0; g < inner / GROUP; g++) {
        int32_t sum = 0;
        spread(w + g * GROUP / (four ? 2 : 1), four, weights);
        for (long k = 0; k < GROUP; k++) sum += (int32_t)weights[k] * (int32_t)q[g * GROUP + k];
        total += ((float)sum * steps[g] - (four ? 8 : 128) * sums[g]) * (four ? widen(scales[g]) : 1);
    }
    return total;
}

#if X86
/* Sums of four vectors of weights at a time, `apart` from each other: of four rows, or of one row `along` 128 values.
 * A shift and a mask take the halves of each 32-bit word apart, cheaper than widening: x is as `part` leaves it. */
WIDE INLINE void lanes(const uint16_t *w, long apart, const float *x, int along, long whole, float *y) {
    __m512 even[TOGETHER], odd[TOGETHER];
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    for (int i = 0; i < TOGETHER; i++) even[i] = odd[i] = _mm512_setzero_ps();
    for (long k = 0; k < whole; k += along ? 128 : 32) for (int i = 0; i < TOGETHER; i++) {
        const float *at = x + k + (along ? 32 * i : 0);
        __m512i pair = _mm512_loadu_si512(w + i * apart + k);
        even[i] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)), _mm512_loadu_ps(at), even[i]);
        odd[i] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(pair, upper)), _mm512_loadu_ps(at + 16), odd[i]);
    }
    for (int i = 0; i < TOGETHER; i++) y[i] = _mm512_reduce_add_ps(_mm512_add_ps(even[i], odd[i]));
}

/* Short rows are read one after the other, as memory likes best: 1.1 to 1.25 times as fast up to 3584 inputs, as fast
 * at 5120; from 8192 on x comes from the second cache, and four rows share each piece of it: 1.3 times. */
WIDE static void dot_bf16_wide(const uint16_t *w, long stride, const float *x, long inner, float *y) {
    float sums[TOGETHER];
    const int along = inner <= SHORT && inner % 128 == 0;
    if (!along) lanes(w, stride, x, 0, inner / 32 * 32, y);
    for (int i = 0; i < TOGETHER; i++, w += stride) {
        if (along) lanes(w, 32, x, 1, inner, sums), y[i] = sums[0] + sums[1] + sums[2] + sums[3];
        for (long k = inner / 32 * 32; k < inner; k++) y[i] += widen(w[k]) * x[k];
    }
}

/* The integer formats with 64 products an instruction; int4, of which the processor fetches too little ahead by itself,
 * asks for what is AHEAD bytes on (1.1 to 1.16 times as fast). */
WIDE static float dot_int_wide(const uint8_t *w, const uint16_t *scales, int four, const int8_t *q, const float *steps,
                               const float *sums, long inner) {
    __m512 total = _mm512_setzero_ps();
    const __m256i low = _mm256_set1_epi8(15);
    float offset = 0;
    for (long g = 0; g < inner / GROUP; g++) {
        __m512i weights;
        if (four) {
            __m256i packed = _mm256_loadu_si256((const __m256i *)(w + g * GROUP / 2));
            __m256i second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low);
            _mm_prefetch((const char *)w + g * GROUP / 2 + AHEAD, _MM_HINT_T0);
            weights = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_and_si256(packed, low)), second, 1);
        } else weights = _mm512_xor_si512(_mm512_loadu_si512(w + g * GROUP), _mm512_set1_epi8(-128));
        __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights, _mm512_loadu_si512(q + g * GROUP));
        float scale = four ? widen(scales[g]) : 1;
        total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale * steps[g]), total);
        offset += scale * sums[g];
    }
    return _mm512_reduce_add_ps(total) - (four ? 8 : 128) * offset;
}
#else /* never called: the level stays below AVX512 */
#define dot_bf16_wide dot_bf16
#define dot_int_wide dot_int
#endif

/* Rows from..to of a product; the last block of four overlaps the one before it where the count is no multiple. */
INLINE void range_bf16(const Product *p, long from, long to, int wide) {
    for (long n = from; n < to; n += TOGETHER) {
        long row = n + TOGETHER <= to ? n : to - TOGETHER;
        for (long m = 0; m < p->batch; m++) {
            float *y = p->y + m * p->rows + row;
            const uint16_t *w = (const uint16_t *)p->of->weights + row * p->inner, *bias = p->of->bias;
            (wide ? dot_bf16_wide : dot_bf16)(w, p->inner, p->x + m * p->inner, p->inner, y);
            for (long i = 0; bias && i < TOGETHER; i++) y[i] += widen(bias[row + i]);
        }
    }
}

/* The same for the integer formats; `four` and `wide` are constants in each call. */
INLINE void range_int(const Product *p, int four, long from, long to, int wide) {
    const float *bias = p->of->bias, *scales = p->of->scales;
    for (long n = from; n < to; n++) for (long m = 0; m < p->batch; m++) {
        const uint8_t *w = (const uint8_t *)p->of->weights + n * p->inner / (four ? 2 : 1);
        const uint16_t *groups = (const uint16_t *)p->of->scales + n * p->inner / GROUP;
        const int8_t *q = p->q + m * p->inner;
        const float *steps = p->steps + m * p->inner / GROUP, *sums = p->sums + m * p->inner / GROUP;
        float y = (wide ? dot_int_wide : dot_int)(w, groups, four, q, steps, sums, p->inner);
        p->y[m * p->rows + n] = (four ? y : y * scales[n]) + (bias ? bias[n] : 0.0f);
    }
}

/* e to the power of x, right to some 4 millionths: a polynomial over half an octave, which vectors can do. */
INLINE float exponential(float x) {
    x = x < -87 ? -87 : x > 88 ? 88 : x;
    float whole = rintf(x * 1.44269504f), r = x - whole * 0.693147181f, scale;
    float y = ((((1.9875691e-4f * r + 1.3981999e-3f) * r + 8.3334519e-3f) * r + 4.1665796e-2f) * r + 0.16666665f) * r;
    int32_t bits = ((int32_t)whole + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    return ((y + 0.5f) * r * r + r + 1) * scale;
}

INLINE float silu(float x) { return x / (1 + exponential(-x)); }
/* Outputs from..to of a product as they are handed over: gated where a gate is, or added to what stands there. */
INLINE void finish(const Product *p, long from, long to) {
    for (long m = 0; m < p->batch * p->rows; m += p->rows) {
        if (p->gate) for (long n = m + from; n < m + to; n++) p->y[n] *= silu(p->gate[n]);
        if (p->add) for (long n = m + from; n < m + to; n++) p->y[n] += at(p->of->y, p->half, n);
        for (long n = m + from; n < m + to; n++) put(p->of->y, p->half, n, p->y[n]);
    }
}

/* Quantise `count` activations to int8 and write their scale; return the sum of the former. What is not finite, told by
 * its bits whatever the compiler assumes about numbers, makes the scale NaN, so that it is not lost. */
INLINE int32_t quantize(const void *x, int half, int8_t *q, float *step, long count) {
    float most = 0;
    int32_t bad = 0, total = 0;
    for (long k = 0; k < count; k++) most = fabsf(at(x, half, k)) > most ? fabsf(at(x, half, k)) : most;
    for (long k = 0; k < count; k++) bad |= (bits_of(at(x, half, k)) & 0x7f800000) == 0x7f800000;
    float inverse = !bad && most > 0 ? 127.0f / most : 0.0f;
    for (long k = 0; k < count; k++) {
        int32_t value = bad ? 0 : (int32_t)rintf(at(x, half, k) * inverse);
        q[k] = (int8_t)value;
        total += value;
    }
    *step = bad ? NAN : most / 127.0f;
    return total;
}

/* Reorder each 32 values as dot_bf16_wide reads them: those with even indices, then those with odd ones. */
INLINE void part(float *x, long inner) {
    float odd[16];
    for (float *at = x; at + 32 <= x + inner; at += 32) {
        for (long k = 0; k < 16; k++) odd[k] = at[2 * k + 1];
        for (long k = 0; k < 16; k++) at[k] = at[2 * k];
        memcpy(at + 16, odd, sizeof odd);
    }
}

/* Rows from..to of activations as the products read them. */
INLINE void prepare(const Product *p, long from, long to, int wide) {
    long start = from * p->inner, end = to * p->inner;
    for (long k = start; k < end; k++) p->x[k] = at(p->given, p->half, k);
    if (p->format != BF16) for (long g = start / GROUP; g < end / GROUP; g++)
        p->sums[g] = (float)quantize(p->x + g * GROUP, 0, p->q + g * GROUP, p->steps + g, GROUP) * p->steps[g];
    else if (wide) for (long m = from; m < to; m++) part(p->x + m * p->inner, p->inner);
}

/* A task of many rows that are alike; `inner` counts their columns:
 *   kind      x (rows, inner)         with                  y                       steps (rows,)
 *   UNPACK    int4, packed            its bfloat16 scales   int8                    written
 *   QUANTIZE  activations             -                     int8, (rows, padded)    written
 *   SCALE     int32 sums              float bias or NULL    results                 read; `scales` are of the columns
 *   NORM      activations             weights               activations             -
 *   PACK      float weights           bfloat16 scales       int4, packed            -  (both are written)
 *   GATE      gates                   values                silu(gates) * values    -
 *   ROTATE    (rows, padded)          cosines (rows, inner) (rows, heads, inner)    -  `scales` are the sines
 *   MOST      activations (padded)    -                     float (inner,)          -  (a task for 256 columns)
 *   ATTEND    q, k, v of the new      the cache of keys     a row a head of q       room for `padded` and `inner` more
 *             position, head by head  (keys, padded, inner)                         floats a row
 * Activations, their weights and results are bfloat16 where `half` is 1, else float32. */
typedef struct {
    const void *x;
    void *with, *y;
    float *steps;
    const void *scales;
    long inner, padded, heads, keys; /* ATTEND: `heads` of q share each of `keys` heads; `scales` are the values */
    int half, narrow; /* ROTATE: 1 where tables are bfloat16; ATTEND: how many positions, the new one among them */
    float eps;
} Rows;

/* One row of int4 to int8 with one scale, for the matrix products of prefill. */
INLINE void unpack_row(const Rows *r, long n) {
    const uint8_t *from = (const uint8_t *)r->x + n * r->inner / 2;
    const uint16_t *scales = (const uint16_t *)r->with + n * r->inner / GROUP;
    int8_t *to = (int8_t *)r->y + n * r->inner;
    float most = 0;
    for (long g = 0; g < r->inner / GROUP; g++) most = fabsf(widen(scales[g])) > most ? fabsf(widen(scales[g])) : most;
    float step = r->steps[n] = most * 8 / 127;
    for (long g = 0; g < r->inner / GROUP; g++, from += GROUP / 2, to += GROUP) {
        float factor = most > 0 ? widen(scales[g]) / step : 0;
        uint8_t group[GROUP];
        spread(from, 1, group);
        for (long k = 0; k < GROUP; k++) to[k] = (int8_t)(int32_t)rintf((float)((int)group[k] - 8) * factor);
    }
}

/* One row of activations to int8 with a scale, for matrix products; columns inner..padded become 0. */
INLINE void quantize_row(const Rows *r, int half, long m) {
    int8_t *q = (int8_t *)r->y + m * r->padded;
    quantize((const char *)r->x + m * r->inner * (half ? 2 : 4), half, q, r->steps + m, r->inner);
    memset(q + r->inner, 0, (size_t)(r->padded - r->inner));
}

/* One row of int32 sums to results: y[n] = sums[n] * step * scales[n] + bias[n]. */
INLINE void scale_row(const Rows *r, int half, long m) {
    const int32_t *sums = (const int32_t *)r->x + m * r->inner;
    const float *scales = r->scales, *bias = r->with, step = r->steps[m];
    for (long i = 0; i < r->inner; i++)
        put(r->y, half, m * r->inner + i, (float)sums[i] * step * scales[i] + (bias ? bias[i] : 0.0f));
}

/* One row divided by its root mean square, and multiplied by the weights. */
INLINE void norm_row(const Rows *r, int half, long m) {
    long start = m * r->inner;
    float sum = 0;
    for (long k = 0; k < r->inner; k++) sum += at(r->x, half, start + k) * at(r->x, half, start + k);
    float factor = 1 / sqrtf(sum / (float)r->inner + r->eps);
    for (long k = 0; k < r->inner; k++)
        put(r->y, half, start + k, at(r->x, half, start + k) * factor * at(r->with, half, k));
}

INLINE void gate_row(const Rows *r, int half, long m) {
    for (long k = m * r->inner; k < (m + 1) * r->inner; k++)
        put(r->y, half, k, silu(at(r->x, half, k)) * at(r->with, half, k));
}

/* The heads of one position: the first half of each, a, and the second, b, turn to a cos - b sin and b cos + a sin. */
INLINE void rotate_row(const Rows *r, int half, int narrow, long m) {
    const long middle = r->inner / 2, table = m * r->inner;
    for (long h = 0; h < r->heads; h++) {
        const long from = m * r->padded + h * r->inner, to = (m * r->heads + h) * r->inner;
        for (long k = 0; k < middle; k++) {
            float a = at(r->x, half, from + k), b = at(r->x, half, from + middle + k);
            float c = at(r->with, narrow, table + k), d = at(r->scales, narrow, table + middle + k);
            put(r->y, half, to + k, a * c - b * d);
            put(r->y, half, to + middle + k, b * c + a * d);
        }
    }
}

/* Head h of q attends over the cache and the new key and value, which the first of the heads that share them stores. */
INLINE void attend_row(const Rows *r, int half, long h) {
    const long d = r->inner, size = d * (half ? 2 : 4), last = r->narrow - 1, j = h / r->heads;
    const char *key = (const char *)r->x + (r->keys * r->heads + j) * size, *value = key + r->keys * size;
    char *keys = (char *)r->with + j * r->padded * size, *values = (char *)r->scales + j * r->padded * size;
    if (h % r->heads == 0) memcpy(keys + last * size, key, size), memcpy(values + last * size, value, size);
    float *scores = r->steps + h * (r->padded + d), *out = scores + r->padded, most = -INFINITY, sum = 0;
    memset(out, 0, (size_t)d * sizeof *out);
    for (long t = 0; t <= last; t++) {
        const char *from = t < last ? keys + t * size : key;
        float score = 0;
        for (long k = 0; k < d; k++) score += at(r->x, half, h * d + k) * at(from, half, k);
        most = score > most ? score : most, scores[t] = score;
    }
    for (long t = 0; t <= last; t++) {
        const char *from = t < last ? values + t * size : value;
        float weight = exponential((scores[t] - most) * r->eps);
        for (long k = 0; k < d; k++) out[k] += weight * at(from, half, k);
        sum += weight;
    }
    for (long k = 0; k < d; k++) put(r->y, half, h * d + k, out[k] / sum);
}

/* The scale of a group with the least squared error: for each of several divisors, the weights as they then round give
 * the best scale by least squares. The value farthest from 0 may stand at -8. */
INLINE float search_scale(const float *w) {
    float far = 0, best = 0, most = -1;
    for (long k = 0; k < GROUP; k++) far = fabsf(w[k]) > fabsf(far) ? w[k] : far;
    if (far == 0) return 0;
    for (int i = 0; i < TRIES; i++) {
        float inverse = -(6.6f + 0.14f * (float)i) / far, wq = 0, qq = 0;
        for (long k = 0; k < GROUP; k++) {
            float q = rintf(w[k] * inverse);
            q = q < -8 ? -8 : q > 7 ? 7 : q;
            wq += w[k] * q, qq += q * q;
        }
        if (qq > 0 && wq * wq > most * qq) most = wq * wq / qq, best = wq / qq;
    }
    return best;
}

INLINE int nibble(float value) { return (int)(value < -8 ? -8 : value > 7 ? 7 : rintf(value)) + 8; }

/* One row of weights to int4; the layout is dot_int4's. */
INLINE void pack_row(const Rows *r, long n) {
    const float *from = (const float *)r->x + n * r->inner;
    uint8_t *to = (uint8_t *)r->y + n * r->inner / 2;
    uint16_t *scale = (uint16_t *)r->with + n * r->inner / GROUP;
    for (const float *end = from + r->inner; from < end; from += GROUP, to += GROUP / 2, scale++) {
        *scale = narrow(search_scale(from));
        float step = widen(*scale), inverse = step != 0 ? 1 / step : 0;
        for (long k = 0; k < GROUP / 2; k++)
            to[k] = (uint8_t)(nibble(from[k] * inverse) | nibble(from[k + GROUP / 2] * inverse) << 4);
    }
}

/* The largest magnitude in each of 256 columns: where one stands out, the others would lose their bits to it. */
INLINE void column_most(const Rows *r, int half, long block) {
    long first = block * 256, last = first + 256 < r->inner ? first + 256 : r->inner;
    float *most = r->y;
    memset(most + first, 0, (size_t)(last - first) * sizeof *most);
    for (long m = 0; m < r->padded; m++) for (long k = first; k < last; k++) {
        float value = fabsf(at(r->x, half, m * r->inner + k));
        most[k] = value > most[k] ? value : most[k];
    }
}

/* Rows from..to of a task; what is a constant in each call is so because loops would not become vectors. */
INLINE void rows_as(int kind, const Rows *r, int half, long from, long to) {
    for (long n = from; n < to; n++) {
        if (kind == UNPACK) unpack_row(r, n);
        else if (kind == QUANTIZE) quantize_row(r, half, n);
        else if (kind == SCALE) scale_row(r, half, n);
        else if (kind == NORM) norm_row(r, half, n);
        else if (kind == PACK) pack_row(r, n);
        else if (kind == GATE) gate_row(r, half, n);
        else if (kind == MOST) column_most(r, half, n);
        else if (kind == ATTEND) attend_row(r, half, n);
        else r->narrow ? rotate_row(r, half, 1, n) : rotate_row(r, half, 0, n);
    }
}

INLINE void work(int kind, const void *task, long from, long to, int wide) {
    if (kind == BF16) range_bf16(task, from, to, wide);
    else if (kind == INT8) range_int(task, 0, from, to, wide);
    else if (kind == INT4) range_int(task, 1, from, to, wide);
    else if (kind == PREPARE) prepare(task, from, to, wide);
    else if (kind == FINISH) finish(task, from, to);
    else ((const Rows *)task)->half ? rows_as(kind, task, 1, from, to) : rows_as(kind, task, 0, from, to);
}

WIDE static void work_wide(int kind, const void *task, long from, long to) { work(kind, task, from, to, 1); }
HALF static void work_half(int kind, const void *task, long from, long to) { work(kind, task, from, to, 0); }
static void work_plain(int kind, const void *task, long from, long to) { work(kind, task, from, to, 0); }

static int level = PLAIN; /* until qwenvl_level is called */
int qwenvl_version(void) { return VERSION; }

/* Use no more than `wanted` (a test asks for less); return what is used: 0 plain C, 1 AVX2, 2 AVX-512. */
int qwenvl_level(int wanted) {
    int best = PLAIN;
#if X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = AVX2;
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) best = AVX512;
#endif
    return level = wanted < best ? wanted : best;
}

static void run(int kind, const void *task, long from, long to) {
    (level == AVX512 ? work_wide : level == AVX2 ? work_half : work_plain)(kind, task, from, to);
}

void qwenvl_rows(int kind, const Rows *task, long rows, int threads) {
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (rows > 1)
    for (long n = 0; n < rows; n++) run(kind, task, n, n + 1);
}

/* What one of `count` threads computes of some products: a stretch of each, the same of a gate and what it gates. */
static void run_part(const Product *products, int matrices, int gated, long count, long self) {
    for (int i = 0; i < matrices; i++) {
        const Product *p = products + i;
        long blocks = p->rows / TOGETHER, from = blocks * self / count * TOGETHER;
        long to = self + 1 == count ? p->rows : blocks * (self + 1) / count * TOGETHER;
        if (to - from >= TOGETHER) run(p->format, p, from, to);
        if (to - from >= TOGETHER && (!gated || i)) run(FINISH, p, from, to);
    }
}

/* Products of the same activations with up to four matrices in one go. Activations and results are bfloat16 where
 * `half` is 1, else float32; at least four rows a matrix, and for the integer formats `inner` a multiple of 64. Where
 * `gated`, two matrices of as many rows give one result, silu(first) * second; where `add`, results are added to what
 * stands in their places. Returns 0, or 1 without memory. */
int qwenvl_products(int format, const Matrix *of, int matrices, int gated, int add, const void *x, int half, long inner,
                    long batch, int threads) {
    Product products[MATRICES];
    long count = batch * inner, groups = format == BF16 ? 0 : count / GROUP, outputs = 0;
    for (int i = 0; i < matrices; i++) outputs += of[i].rows * batch;
    float *room = malloc((size_t)(count + 2 * groups + outputs) * sizeof *room + (size_t)groups * GROUP);
    if (!room) return 1;
    float *steps = room + count, *y = steps + 2 * groups;
    int8_t *q = (int8_t *)(y + outputs);
    for (int i = 0; i < matrices; i++) {
        products[i] = (Product){of + i, x, room, q, steps, steps + groups, y, gated && i ? products[0].y : NULL, half,
                                format, add, of[i].rows, inner, batch};
        y += of[i].rows * batch;
    }
    run(PREPARE, products, 0, batch);
    (void)threads;
#pragma omp parallel num_threads(threads)
    run_part(products, matrices, gated, omp_get_num_threads(), omp_get_thread_num());
    free(room);
    return 0;
}

