/* Products of a few rows of activations with a stored weight matrix: what decoding a token does.
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
 * The loops are plain C, written so that a compiler turns them into vectors, and compiled for several instruction sets;
 * the widest that the machine has is chosen once. For AVX-512 with VNNI each format has a form of its own, because
 * compilers do not find it: sums stay vectors to the end of a row. Threads are OpenMP's; its symbols are left to the
 * library that torch has loaded, so that both share one pool and do not spin against each other.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
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

enum { VERSION = 2, PLAIN = 0, AVX2 = 1, AVX512 = 2, TOGETHER = 4, GROUP = 64, TRIES = 16 };
enum { BF16 = 0, INT8 = 1, INT4 = 2 };

/* One product; what a format does not use is NULL. */
typedef struct {
    const void *weights;
    const void *scales; /* int8: float a row; int4: bfloat16 a group */
    const float *bias;  /* or NULL */
    const float *x;     /* (batch, inner) */
    const int8_t *q;    /* x quantised by groups, (batch, inner) */
    const float *steps; /* the scale of each group of q, (batch, inner / GROUP) */
    const float *sums;  /* the sum of each group of q times its scale */
    float *y;           /* (batch, rows) */
    long rows, inner, batch;
} Product;
INLINE float widen(uint16_t value) {
    uint32_t bits = (uint32_t)value << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

/* 1 where a value is NaN or infinite, told by its bits, whatever the compiler may assume about numbers. */
INLINE int unsound(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000) == 0x7f800000;
}

/* Round to nearest even; a NaN stays one. */
INLINE uint16_t narrow(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Four rows at a time: x is loaded once for them, and four chains of sums hide the latency of each. */
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

/* A row of int8 by groups; 128 makes a weight unsigned, and the groups' sums take it out again. */
INLINE float dot_int8(const int8_t *w, const int8_t *q, const float *steps, const float *sums, long inner) {
    float total = 0;
    for (long g = 0; g < inner / GROUP; g++, w += GROUP, q += GROUP) {
        int32_t sum = 0;
        for (long k = 0; k < GROUP; k++) sum += (int32_t)(uint8_t)(w[k] ^ -128) * (int32_t)q[k];
        total += (float)sum * steps[g] - 128 * sums[g];
    }
    return total;
}

/* A row of int4: byte k of a group holds weight k in its low half and weight k + 32 in its high half, both plus 8. */
INLINE float dot_int4(const uint8_t *w, const uint16_t *scales, const int8_t *q, const float *steps, const float *sums,
                      long inner) {
    float total = 0;
    for (long g = 0; g < inner / GROUP; g++, w += GROUP / 2, q += GROUP) {
        int32_t sum = 0;
        for (long k = 0; k < GROUP / 2; k++) sum += (int32_t)(uint8_t)(w[k] & 15) * (int32_t)q[k];
        for (long k = 0; k < GROUP / 2; k++) sum += (int32_t)(uint8_t)(w[k] >> 4) * (int32_t)q[k + GROUP / 2];
        total += ((float)sum * steps[g] - 8 * sums[g]) * widen(scales[g]);
    }
    return total;
}

#if X86
/* dot_bf16 with the halves of each 32-bit word taken apart by a shift and a mask, which is cheaper than widening: x
 * stands as `part` leaves it. */
WIDE static void dot_bf16_wide(const uint16_t *w, long stride, const float *x, long inner, float *y) {
    __m512 even[TOGETHER], odd[TOGETHER];
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    for (int i = 0; i < TOGETHER; i++) even[i] = odd[i] = _mm512_setzero_ps();
    long whole = inner / 32 * 32;
    for (long k = 0; k < whole; k += 32) {
        __m512 first = _mm512_loadu_ps(x + k), second = _mm512_loadu_ps(x + k + 16);
        for (int i = 0; i < TOGETHER; i++) {
            __m512i pair = _mm512_loadu_si512(w + i * stride + k);
            even[i] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)), first, even[i]);
            odd[i] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(pair, upper)), second, odd[i]);
        }
    }
    for (int i = 0; i < TOGETHER; i++) {
        float sum = _mm512_reduce_add_ps(_mm512_add_ps(even[i], odd[i]));
        for (long k = whole; k < inner; k++) sum += widen(w[i * stride + k]) * x[k];
        y[i] = sum;
    }
}

/* The two integer formats with 64 products an instruction. */
WIDE static float dot_int8_wide(const int8_t *w, const int8_t *q, const float *steps, const float *sums, long inner) {
    __m512 total = _mm512_setzero_ps();
    const __m512i flip = _mm512_set1_epi8(-128);
    float offset = 0;
    for (long g = 0; g < inner / GROUP; g++) {
        __m512i weights = _mm512_xor_si512(_mm512_loadu_si512(w + g * GROUP), flip);
        __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights, _mm512_loadu_si512(q + g * GROUP));
        total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(steps[g]), total);
        offset += sums[g];
    }
    return _mm512_reduce_add_ps(total) - 128 * offset;
}

WIDE static float dot_int4_wide(const uint8_t *w, const uint16_t *scales, const int8_t *q, const float *steps,
                                const float *sums, long inner) {
    __m512 total = _mm512_setzero_ps();
    const __m256i low = _mm256_set1_epi8(15);
    float offset = 0;
    for (long g = 0; g < inner / GROUP; g++) {
        __m256i packed = _mm256_loadu_si256((const __m256i *)(w + g * GROUP / 2));
        __m256i first = _mm256_and_si256(packed, low), second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low);
        __m512i weights = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights, _mm512_loadu_si512(q + g * GROUP));
        float scale = widen(scales[g]);
        total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scale * steps[g]), total);
        offset += scale * sums[g];
    }
    return _mm512_reduce_add_ps(total) - 8 * offset;
}
#else /* never called: the level stays below AVX512 */
INLINE void dot_bf16_wide(const uint16_t *w, long stride, const float *x, long inner, float *y) {
    dot_bf16(w, stride, x, inner, y);
}
INLINE float dot_int8_wide(const int8_t *w, const int8_t *q, const float *a, const float *b, long inner) {
    return dot_int8(w, q, a, b, inner);
}
INLINE float dot_int4_wide(const uint8_t *w, const uint16_t *s, const int8_t *q, const float *a, const float *b,
                           long n) { return dot_int4(w, s, q, a, b, n); }
#endif

/* Rows from..to of a product; the last block of four overlaps the one before it where the count is no multiple. */
INLINE void range_bf16(const Product *p, long from, long to, int wide) {
    for (long n = from; n < to; n += TOGETHER) {
        long row = n + TOGETHER <= to ? n : to - TOGETHER;
        for (long m = 0; m < p->batch; m++) {
            float *y = p->y + m * p->rows + row;
            const uint16_t *w = (const uint16_t *)p->weights + row * p->inner;
            if (wide) dot_bf16_wide(w, p->inner, p->x + m * p->inner, p->inner, y);
            else dot_bf16(w, p->inner, p->x + m * p->inner, p->inner, y);
            for (long i = 0; p->bias && i < TOGETHER; i++) y[i] += p->bias[row + i];
        }
    }
}

/* `wide` is a constant in each call. */
INLINE void range_int8(const Product *p, long from, long to, int wide) {
    for (long n = from; n < to; n++) {
        const int8_t *w = (const int8_t *)p->weights + n * p->inner;
        for (long m = 0; m < p->batch; m++) {
            long at = m * p->inner;
            const float *steps = p->steps + at / GROUP, *sums = p->sums + at / GROUP;
            float y = wide ? dot_int8_wide(w, p->q + at, steps, sums, p->inner)
                           : dot_int8(w, p->q + at, steps, sums, p->inner);
            p->y[m * p->rows + n] = y * ((const float *)p->scales)[n] + (p->bias ? p->bias[n] : 0.0f);
        }
    }
}

INLINE void range_int4(const Product *p, long from, long to, int wide) {
    for (long n = from; n < to; n++) {
        const uint8_t *w = (const uint8_t *)p->weights + n * p->inner / 2;
        const uint16_t *scales = (const uint16_t *)p->scales + n * p->inner / GROUP;
        for (long m = 0; m < p->batch; m++) {
            long at = m * p->inner;
            const float *steps = p->steps + at / GROUP, *sums = p->sums + at / GROUP;
            float y = wide ? dot_int4_wide(w, scales, p->q + at, steps, sums, p->inner)
                           : dot_int4(w, scales, p->q + at, steps, sums, p->inner);
            p->y[m * p->rows + n] = y + (p->bias ? p->bias[n] : 0.0f);
        }
    }
}

INLINE void range_of(int format, const Product *p, long from, long to, int wide) {
    if (format == BF16) range_bf16(p, from, to, wide);
    else if (format == INT8) range_int8(p, from, to, wide);
    else range_int4(p, from, to, wide);
}

WIDE static void range_wide(int format, const Product *p, long from, long to) { range_of(format, p, from, to, 1); }
HALF static void range_half(int format, const Product *p, long from, long to) { range_of(format, p, from, to, 0); }

static int widest(void) {
#if X86
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")) return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return PLAIN;
}

static int level = -1;
int qwenvl_version(void) { return VERSION; }

/* Use no more than `wanted` (a test asks for less); return what is used: 0 plain C, 1 AVX2, 2 AVX-512. */
int qwenvl_level(int wanted) {
    int best = widest();
    level = wanted < best ? wanted : best;
    return level;
}

static void run(int format, const Product *p, long from, long to) {
    if (level == AVX512) range_wide(format, p, from, to);
    else if (level == AVX2) range_half(format, p, from, to);
    else range_of(format, p, from, to, 0);
}

/* Each thread takes one stretch of rows, a multiple of four but for the last. */
static void share(int format, const Product *p, int threads) {
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
    {
        long count = omp_get_num_threads(), self = omp_get_thread_num();
        long blocks = p->rows / TOGETHER;
        long from = blocks * self / count * TOGETHER;
        long to = self + 1 == count ? p->rows : blocks * (self + 1) / count * TOGETHER;
        if (to - from >= TOGETHER) run(format, p, from, to);
    }
#else
    (void)threads;
    run(format, p, 0, p->rows);
#endif
}

/* Quantise one group of activations to int8; write its scale, and its sum times its scale. What is not finite makes
 * the scale NaN, so that it is not lost. */
static void quantize_group(const float *x, int8_t *q, float *step, float *sum) {
    float most = 0;
    int bad = 0;
    for (long k = 0; k < GROUP; k++) most = fabsf(x[k]) > most ? fabsf(x[k]) : most;
    for (long k = 0; k < GROUP; k++) bad |= unsound(x[k]);
    float inverse = !bad && most > 0 ? 127.0f / most : 0.0f;
    int32_t total = 0;
    for (long k = 0; k < GROUP; k++) {
        q[k] = bad ? 0 : (int8_t)rintf(x[k] * inverse);
        total += q[k];
    }
    *step = bad ? NAN : most / 127.0f;
    *sum = bad ? NAN : (float)total * *step;
}

static float *as_float(const void *values, int half, long count) {
    float *out = malloc((size_t)count * sizeof *out);
    if (!out) return NULL;
    for (long i = 0; i < count; i++) out[i] = half ? widen(((const uint16_t *)values)[i]) : ((const float *)values)[i];
    return out;
}

/* Reorder each 32 values of a row as dot_bf16_wide reads them: those with even indices, then those with odd ones. */
static void part(float *x, long batch, long inner) {
    float odd[16];
    for (long m = 0; m < batch; m++) {
        for (float *at = x + m * inner; at + 32 <= x + (m + 1) * inner; at += 32) {
            for (long k = 0; k < 16; k++) odd[k] = at[2 * k + 1];
            for (long k = 0; k < 16; k++) at[k] = at[2 * k];
            memcpy(at + 16, odd, sizeof odd);
        }
    }
}

/* Quantise all activations; p owns nothing, the caller frees what is returned. */
static int8_t *quantize_all(Product *p) {
    long count = p->batch * p->inner, groups = count / GROUP;
    int8_t *q = malloc((size_t)count + 2 * (size_t)groups * sizeof(float));
    if (!q) return NULL;
    float *steps = (float *)(q + count), *sums = steps + groups;
    for (long g = 0; g < groups; g++) quantize_group(p->x + g * GROUP, q + g * GROUP, steps + g, sums + g);
    p->q = q, p->steps = steps, p->sums = sums;
    return q;
}

/* Activations and results are bfloat16 where `half` is 1, else float32; at least four rows, and for the
 * integer formats `inner` a multiple of 64. Returns 0, or 1 when there is no memory. */
int qwenvl_product(int format, const void *weights, const void *scales, const float *bias, const void *x, void *y,
                   int half, long rows, long inner, long batch, int threads) {
    if (level < 0) qwenvl_level(AVX512);
    float *wide = as_float(x, half, batch * inner);
    float *out = half ? malloc((size_t)(batch * rows) * sizeof *out) : y;
    Product p = {weights, scales, bias, wide, NULL, NULL, NULL, out, rows, inner, batch};
    int8_t *q = wide && out && format != BF16 ? quantize_all(&p) : NULL;
    int failed = !wide || !out || (format != BF16 && !q);
    if (!failed) {
        if (format == BF16 && level == AVX512) part(wide, batch, inner);
        share(format, &p, threads);
        for (long i = 0; half && i < batch * rows; i++) ((uint16_t *)y)[i] = narrow(out[i]);
    }
    free(wide);
    free(q);
    if (half) free(out);
    return failed;
}

/* The scale of a group with the least squared error: for each of several divisors, the weights as they then round give
 * the best scale by least squares. The value farthest from 0 may stand at -8. */
static float search_scale(const float *w) {
    float far = 0, best = 0, most = -1;
    for (long k = 0; k < GROUP; k++) far = fabsf(w[k]) > fabsf(far) ? w[k] : far;
    if (far == 0) return 0;
    for (int i = 0; i < TRIES; i++) {
        float inverse = -(6.6f + 0.14f * (float)i) / far, wq = 0, qq = 0;
        for (long k = 0; k < GROUP; k++) {
            float q = rintf(w[k] * inverse);
            q = q < -8 ? -8 : q > 7 ? 7 : q;
            wq += w[k] * q;
            qq += q * q;
        }
        if (qq > 0 && wq * wq > most * qq) most = wq * wq / qq, best = wq / qq;
    }
    return best;
}

INLINE int nibble(float value) { return (int)(value < -8 ? -8 : value > 7 ? 7 : rintf(value)) + 8; }

/* Pack `rows` of float32 weights to int4 with bfloat16 scales; the layout is dot_int4's. */
void qwenvl_pack_int4(const float *w, uint8_t *packed, uint16_t *scales, long rows, long inner, int threads) {
    long groups = inner / GROUP;
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long n = 0; n < rows * groups; n++) {
        const float *from = w + n * GROUP;
        uint8_t *to = packed + n * GROUP / 2;
        scales[n] = narrow(search_scale(from));
        float step = widen(scales[n]), inverse = step != 0 ? 1 / step : 0;
        for (long k = 0; k < GROUP / 2; k++) {
            to[k] = (uint8_t)(nibble(from[k] * inverse) | nibble(from[k + GROUP / 2] * inverse) << 4);
        }
    }
}

/* One row of int4 to int8 with one scale, for the matrix products of prefill. */
INLINE void unpack_row(const uint8_t *from, const uint16_t *scales, int8_t *to, float *step, long inner) {
    float most = 0;
    for (long g = 0; g < inner / GROUP; g++) most = fabsf(widen(scales[g])) > most ? fabsf(widen(scales[g])) : most;
    *step = most * 8 / 127;
    for (long g = 0; g < inner / GROUP; g++, from += GROUP / 2, to += GROUP) {
        float factor = most > 0 ? widen(scales[g]) / *step : 0;
        for (long k = 0; k < GROUP / 2; k++) {
            to[k] = (int8_t)(int32_t)rintf((float)((int)(from[k] & 15) - 8) * factor);
            to[k + GROUP / 2] = (int8_t)(int32_t)rintf((float)((int)(from[k] >> 4) - 8) * factor);
        }
    }
}

WIDE static void unpack_wide(const uint8_t *from, const uint16_t *scales, int8_t *to, float *step, long inner) {
    unpack_row(from, scales, to, step, inner);
}
HALF static void unpack_half(const uint8_t *from, const uint16_t *scales, int8_t *to, float *step, long inner) {
    unpack_row(from, scales, to, step, inner);
}

void qwenvl_unpack_int4(const uint8_t *packed, const uint16_t *scales, int8_t *w, float *steps, long rows, long inner,
                        int threads) {
    if (level < 0) qwenvl_level(AVX512);
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long n = 0; n < rows; n++) {
        const uint8_t *from = packed + n * inner / 2;
        const uint16_t *own = scales + n * inner / GROUP;
        if (level == AVX512) unpack_wide(from, own, w + n * inner, steps + n, inner);
        else if (level == AVX2) unpack_half(from, own, w + n * inner, steps + n, inner);
        else unpack_row(from, own, w + n * inner, steps + n, inner);
    }
}

/* One row of activations to int8 with a scale, for matrix products; columns inner..padded become 0. */
INLINE void quantize_row(const void *x, int half, int8_t *q, float *step, long inner, long padded) {
    const uint16_t *h = x;
    const float *f = x;
    float most = 0;
    int bad = 0;
    for (long k = 0; k < inner; k++) {
        float value = fabsf(half ? widen(h[k]) : f[k]);
        most = value > most ? value : most;
        bad |= unsound(value);
    }
    float inverse = !bad && most > 0 ? 127.0f / most : 0.0f;
    *step = bad ? NAN : most / 127.0f;
    memset(q + inner, 0, (size_t)(padded - inner));
    if (bad) memset(q, 0, (size_t)inner);
    else for (long k = 0; k < inner; k++) q[k] = (int8_t)(int32_t)rintf((half ? widen(h[k]) : f[k]) * inverse);
}

typedef struct {
    const int32_t *sums;        /* (batch, outputs) */
    const float *steps, *scales; /* of rows, of outputs */
    const float *bias;          /* or NULL */
    void *y;
    int half;
    long outputs;
} Scaled;

/* One row of int32 sums to results: y[n] = sums[n] * step * scales[n] + bias[n]. */
INLINE void scale_row(const Scaled *s, long m) {
    const int32_t *sums = s->sums + m * s->outputs;
    const float *scales = s->scales, *bias = s->bias, step = s->steps[m];
    uint16_t *h = (uint16_t *)s->y + m * s->outputs;
    float *f = (float *)s->y + m * s->outputs;
    long count = s->outputs;
    if (s->half && bias) for (long i = 0; i < count; i++) h[i] = narrow((float)sums[i] * step * scales[i] + bias[i]);
    else if (s->half) for (long i = 0; i < count; i++) h[i] = narrow((float)sums[i] * step * scales[i]);
    else for (long i = 0; i < count; i++) f[i] = (float)sums[i] * step * scales[i] + (bias ? bias[i] : 0.0f);
}

WIDE static void quantize_wide(const void *x, int half, int8_t *q, float *step, long inner, long padded) {
    quantize_row(x, half, q, step, inner, padded);
}
HALF static void quantize_half(const void *x, int half, int8_t *q, float *step, long inner, long padded) {
    quantize_row(x, half, q, step, inner, padded);
}

void qwenvl_quantize_rows(const void *x, int half, int8_t *q, float *steps, long batch, long inner, long padded,
                          int threads) {
    if (level < 0) qwenvl_level(AVX512);
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long m = 0; m < batch; m++) {
        const char *row = (const char *)x + m * inner * (half ? 2 : 4);
        if (level == AVX512) quantize_wide(row, half, q + m * padded, steps + m, inner, padded);
        else if (level == AVX2) quantize_half(row, half, q + m * padded, steps + m, inner, padded);
        else quantize_row(row, half, q + m * padded, steps + m, inner, padded);
    }
}

WIDE static void scale_wide(const Scaled *s, long m) { scale_row(s, m); }
HALF static void scale_half(const Scaled *s, long m) { scale_row(s, m); }

void qwenvl_scale_rows(const int32_t *sums, const float *steps, const float *scales, const float *bias, void *y,
                       int half, long batch, long outputs, int threads) {
    if (level < 0) qwenvl_level(AVX512);
    const Scaled s = {sums, steps, scales, bias, y, half, outputs};
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long m = 0; m < batch; m++) {
        if (level == AVX512) scale_wide(&s, m);
        else if (level == AVX2) scale_half(&s, m);
        else scale_row(&s, m);
    }
}

/* The largest magnitude in each column of activations: where one stands out, the others would lose their bits to it. */
void qwenvl_column_most(const void *x, int half, float *most, long batch, long inner, int threads) {
    const long block = 256, blocks = (inner + block - 1) / block;
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long b = 0; b < blocks; b++) {
        long first = b * block, last = first + block < inner ? first + block : inner;
        for (long k = first; k < last; k++) most[k] = 0;
        for (long m = 0; m < batch; m++) {
            const uint16_t *h = (const uint16_t *)x + m * inner;
            const float *f = (const float *)x + m * inner;
            for (long k = first; k < last; k++) {
                float value = fabsf(half ? widen(h[k]) : f[k]);
                most[k] = value > most[k] ? value : most[k];
            }
        }
    }
}
