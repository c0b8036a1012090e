/* Ends in whose memory somebody writes what no end writes, a word at a time: flowhostile ROUNDS SEED. Whatever an end is given
 * lies inside of its own lane or slot, and it says ERROR_FILE_CORRUPT at times. */
#include <stdio.h>
#include <stdlib.h>

#include <namedshm_flow.h>

FLOW_VALUE(three, uint8_t);

static uint64_t state;

static uint64_t any(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static uint64_t some_value(uint64_t now)
{
    static const uint64_t values[] = { 0, 1, 2, 4, 7, 8, 9, 16, 2040, 2048, 4080, 4088, 4096, 4104, 8192, 0x7fffffff, 0x80000000, 0xffffffff,
                                       (uint64_t)1 << 32, (uint64_t)1 << 61, (uint64_t)1 << 62, (uint64_t)1 << 63, ~(uint64_t)0, ~(uint64_t)7 };
    switch (any() % 4) {
    case 0: return values[any() % (sizeof values / sizeof *values)];
    case 1: return now + values[any() % 15];
    case 2: return now - values[any() % 15];
    }
    return any() >> any() % 64;
}

static unsigned corrupt, others, good;

static void expect(int right, const char *what)
{
    if (!right) {
        printf("%s\n", what);
        exit(1);
    }
}

static void failed(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_CORRUPT: corrupt++; break;
    case ERROR_TIMEOUT: case ERROR_BUSY: case ERROR_HANDLE_EOF: case ERROR_BROKEN_PIPE: case ERROR_INVALID_PARAMETER: case ERROR_INVALID_HANDLE:
    case ERROR_INSUFFICIENT_BUFFER: others++; break;
    default:
        printf("error %u\n", GetLastError());
        exit(1);
    }
}

static uint8_t *map(const char *name, HANDLE *section)
{
    *section = OpenFileMappingA(FILE_MAP_WRITE | FILE_MAP_READ, FALSE, name);
    uint8_t *memory = (uint8_t *)MapViewOfFile(*section, FILE_MAP_WRITE | FILE_MAP_READ, 0, 0, 0);
    expect(memory != NULL, "map");
    return memory;
}

static uint64_t *word(uint8_t *memory, uint64_t at) { return (uint64_t *)(void *)(memory + at); }

static void spoil(uint8_t *memory, const uint64_t *places, unsigned n)
{
    uint64_t *p = word(memory, any() % 2 ? places[any() % n] : 8192 + any() % 64 * 8);
    *p = some_value(*p);
}

static void inside(const uint8_t *m, uint64_t bytes, const uint8_t *data, uint64_t size)
{
    expect(m >= data && bytes <= size && m + bytes <= data + size, "what was given lies outside");
}

/* consistent: what the ends know by themselves is never what somebody else has made them believe. */
static void consistent(const FLOW_SENDER *s, const FLOW_RECEIVER *r)
{
    for (int i = 0; i < 2; i++) {
        const struct flow_incoming *l = &r->lanes[i];
        expect(l->pos <= l->next && l->next <= l->tail && l->tail - l->pos <= 4096, "a receiver's positions");
    }
    expect(s->tail <= s->next && s->next <= s->limit && s->limit - s->tail <= 4096, "a sender's positions");
}

static void ring(void)
{
    static const uint64_t places[] = { 4096, 4224, 4352, 4480, 4608, 4736, 4744, 4752, 4864, 4992, 5120, 5248, 5264, 5376 };
    const FLOW_RING shape = { 2, 4096, 0 };
    FLOW_RECEIVER r;
    FLOW_SENDER s;
    HANDLE section;
    SIZE_T n;
    if (!FlowNewReceiver(&r, "Spoiled", &three, &shape) || !FlowOpenSender(&s, "Spoiled", &three, INFINITE))
        expect(0, "open");
    uint8_t *memory = map("Spoiled", &section);
    for (unsigned i = 0; i < 60; i++) {
        uint64_t size = any() % 700;
        uint8_t *claim = (uint8_t *)FlowSenderClaim(&s, size, 0);
        if (claim) {
            inside(claim, size, s.data, 4096);
            memset(claim, (int)i, size);
            if (any() % 3)
                FlowSenderCommit(&s);
        } else
            failed();
        consistent(&s, &r);
        uint64_t *header = word(memory, 8192 + r.lanes[0].next % 4096); /* which the receiver reads next */
        switch (any() % 24) {
        case 0: spoil(memory, places, sizeof places / sizeof *places); break;
        case 1: *header = some_value(*header); break;
        case 2: *word(memory, 4608) += 8 * (any() % 1024); break;
        case 3: *word(memory, 4736) += 8 * (any() % 1024); break;
        case 4: *header = (uint64_t)1 << 63 | (4096 - r.lanes[0].next % 4096 - 8); break;
        }
        const uint8_t *m = (const uint8_t *)FlowReceiverNext(&r, &n, 0);
        if (m) {
            inside(m, n, r.lanes[r.at].data, 4096);
            good++;
        } else
            failed();
        consistent(&s, &r);
        if (any() % 4 == 0)
            FlowReceiverDone(&r);
    }
    UnmapViewOfFile(memory);
    CloseHandle(section), CloseHandle(s.handle), CloseHandle(r.handle);
}

static void feed(void)
{
    static const uint64_t places[] = { 4096, 4224, 4480, 4608, 4864, 8192, 8200, 8320, 8328, 8448, 8456 };
    const FLOW_FEED shape = { 3, 100, 0 };
    FLOW_WRITER w;
    FLOW_READER r;
    HANDLE section;
    SIZE_T n;
    ULONGLONG number;
    if (!FlowNewWriter(&w, "Spoiled", &three, &shape) || !FlowOpenReader(&r, "Spoiled", &three, INFINITE))
        expect(0, "open");
    uint8_t *memory = map("Spoiled", &section), *to = (uint8_t *)malloc(100);
    for (unsigned i = 0; i < 60; i++) {
        uint8_t *claim = (uint8_t *)FlowWriterClaim(&w);
        if (claim) {
            inside(claim, 100, w.data, 3 * w.stride);
            memset(claim, (int)i, 100);
            FlowWriterCommit(&w, any() % 101);
        } else
            failed();
        if (any() % 8 == 0)
            spoil(memory, places, sizeof places / sizeof *places);
        BOOL got = any() % 2 ? FlowReaderNext(&r, to, 100, &n, &number, 0) : FlowReaderLatest(&r, to, 100, &n, &number);
        if (got)
            expect(n <= 100, "more than there is"), good++;
        else
            failed();
        const uint8_t *m = (const uint8_t *)FlowReaderLook(&r, &n, &number);
        if (m)
            inside(m, n, r.data, 3 * r.stride), FlowReaderWhole(&r, number);
        else
            failed();
    }
    free(to);
    UnmapViewOfFile(memory);
    CloseHandle(section), CloseHandle(w.handle), CloseHandle(r.handle);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252u;
    for (unsigned i = 0; i < rounds; i++)
        ring(), feed();
    expect(corrupt > rounds / 10 && good > rounds, "nothing was told, or nothing came");
    fprintf(stdout, "%u good, %u corrupt, %u others\n", good, corrupt, others);
    return 0;
}
