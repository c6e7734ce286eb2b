
/* The program; with -DNETWORK_ALONE there is none, and nothing of the standard library is needed. */
#ifndef NETWORK_ALONE

enum { CURRENT, SPIKES, PULSE };

static int32_t input[N_INPUT];

static void refuse(const char *what)
{
    fprintf(stderr, "error: %s\n", what);
    exit(2);
}

static int is_gap(int ch)
{
    return ch == ' ' || ch == ',' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* Read the next whole number of standard input into *x; return 0 at its end. */
static int next_number(int32_t *x)
{
    int32_t value = 0;
    int sign = 1;
    int ch = getchar();
    while (is_gap(ch)) {
        ch = getchar();
    }
    if (ch == EOF) {
        return 0;
    }
    if (ch == '-') {
        sign = -1;
        ch = getchar();
    }
    do {
        if (ch < '0' || ch > '9') {
            refuse("an input is no whole number");
        }
        if (value > X_MAX / 10 || value * 10 > X_MAX - (ch - '0')) {
            refuse("an input is above X_MAX, for which T_MAX is meant");
        }
        value = value * 10 + (ch - '0');
        ch = getchar();
    } while (ch != EOF && !is_gap(ch));
    *x = sign * value;
    return 1;
}

/* Read what the network takes in one step; return 0 where input ends before a sample begins. */
static int next_input(int begins_a_sample)
{
    for (int32_t k = 0; k < N_INPUT; k++) {
        if (!next_number(input + k)) {
            if (k > 0 || !begins_a_sample) {
                refuse("standard input ends within a sample");
            }
            return 0;
        }
    }
    return 1;
}

/* Run one sample, the first input of which lies in `input`; return after how many steps nothing moved, or -1. */
static int32_t run(int encoding, int32_t T)
{
    int32_t settled = -1;
    network_begin();
    for (int32_t t = 0; t < T && settled < 0; t++) {
        if (encoding == SPIKES && t > 0) {
            next_input(0);
        }
        if (encoding == PULSE && t > 0) {
            for (int32_t k = 0; k < N_INPUT; k++) {
                input[k] = 0;
            }
        }
        if (!network_step(input, encoding != PULSE || t == 0) && encoding == PULSE && t > 0) {
            settled = t; /* no later step changes anything */
        }
    }
    return settled;
}

static void print_values(const char *name, const int32_t *values, int32_t count)
{
    printf("%s=", name);
    for (int32_t n = 0; n < count; n++) {
        printf(n > 0 ? ",%ld" : "%ld", (long)values[n]);
    }
    putchar(' ');
}

static void print_results(int encoding, int32_t settled)
{
    PRINT_NODES
    print_values("drive", drive, N_OUTPUT);
    if (encoding == PULSE) {
        printf("settled=%ld", (long)settled);
    }
    putchar('\n');
}

static int32_t steps_of(const char *text)
{
    int32_t T = 0;
    do {
        if (*text < '0' || *text > '9') {
            refuse("T is no whole number");
        }
        if (T > T_MAX / 10 || T * 10 > T_MAX - (*text - '0')) {
            refuse("T is above T_MAX: a number could pass 32 bits");
        }
        T = T * 10 + (*text - '0');
    } while (*++text != 0);
    return T;
}

static int encoding_of(const char *text)
{
    if (strcmp(text, "current") != 0 && strcmp(text, "spikes") != 0 && strcmp(text, "pulse") != 0) {
        refuse("inputs are fed as current, spikes or pulse");
    }
    return text[0] == 'c' ? CURRENT : text[0] == 's' ? SPIKES : PULSE;
}

#ifdef KEPT_T
static int run_kept(void)
{
    for (int32_t k = 0; k < N_INPUT; k++) {
        input[k] = kept_input[k];
    }
    print_results(KEPT_ENCODING, run(KEPT_ENCODING, KEPT_T));
    for (int32_t n = 0; n < N_OUTPUT; n++) {
        if (drive[n] != kept_drive[n]) {
            refuse("the sample that this file keeps has another drive here than in the reference");
        }
    }
    return 0;
}
#endif

int main(int argc, char **argv)
{
    int encoding, is_any = 0;
    int32_t T;
#ifdef KEPT_T
    if (argc == 1) {
        return run_kept();
    }
#endif
    if (argc == 2 && strcmp(argv[1], "about") == 0) {
        printf("n_input=%ld n_output=%ld x_max=%ld t_max=%ld ", (long)N_INPUT, (long)N_OUTPUT, (long)X_MAX, (long)T_MAX);
        printf("constant_bytes=%ld state_bytes=%ld\n", (long)(CONSTANT_BYTES), (long)(STATE_BYTES));
        return 0;
    }
    if (argc != 3) {
        refuse("give how inputs are fed, and T: current 16, spikes 16 or pulse 100; or about");
    }
    encoding = encoding_of(argv[1]);
    T = steps_of(argv[2]);
    if (encoding == SPIKES && T == 0) {
        refuse("spikes are given for each step, so T is at least 1");
    }
    for (; next_input(1); is_any = 1) {
        print_results(encoding, run(encoding, T));
    }
    if (!is_any) {
        refuse("standard input holds no sample");
    }
    return 0;
}

#endif
