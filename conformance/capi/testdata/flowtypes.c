/* Types as C and C++ programs describe them. flowtypes make: a ring of each, under its name, until a line comes. flowtypes
 * open: for each, what the opener of a ring that somebody else has made is told. */
#include <stdio.h>
#include <stdlib.h>

#include <namedshm_flow.h>

enum color { RED, GREEN = 0x7fffffff };

struct scalars {
    uint8_t a; uint16_t b; uint32_t c; uint64_t d; int8_t e; int16_t f; int32_t g; int64_t h; float i; double j;
};
struct words { char a; signed char b; short c; unsigned short d; int e; unsigned f; long g; unsigned long h; long long i; unsigned long long j; };
struct arrays { char text[20]; int32_t one[1]; double matrix[3][2]; unsigned char rows[2][5]; };
struct point { float x, y; };
struct nested { struct point from, path[4], to; uint8_t end; };
struct deeper { uint32_t id; struct nested all[2]; };
struct holes { uint8_t first; uint64_t second; uint8_t third; };
struct padded { uint32_t a; uint32_t _reserved; uint64_t b; };
struct folded { uint32_t flag_bits, URL_count, Plain; };
struct colored { enum color color; uint32_t n; };
#pragma pack(push, 4)
struct narrow { uint32_t a; uint64_t b; };
#pragma pack(pop)
struct __attribute__((packed)) packed { uint8_t a; uint32_t b; };
struct pair { uint32_t width, height; };

FLOW_STRUCT(scalars, struct scalars, FLOW_F(struct scalars, a), FLOW_F(struct scalars, b), FLOW_F(struct scalars, c), FLOW_F(struct scalars, d),
            FLOW_F(struct scalars, e), FLOW_F(struct scalars, f), FLOW_F(struct scalars, g), FLOW_F(struct scalars, h), FLOW_F(struct scalars, i),
            FLOW_F(struct scalars, j));
FLOW_STRUCT(words, struct words, FLOW_F(struct words, a), FLOW_F(struct words, b), FLOW_F(struct words, c), FLOW_F(struct words, d),
            FLOW_F(struct words, e), FLOW_F(struct words, f), FLOW_F(struct words, g), FLOW_F(struct words, h), FLOW_F(struct words, i),
            FLOW_F(struct words, j));
FLOW_STRUCT(arrays, struct arrays, FLOW_F(struct arrays, text), FLOW_F(struct arrays, one), FLOW_F2(struct arrays, matrix), FLOW_F2(struct arrays, rows));
FLOW_STRUCT(point, struct point, FLOW_F(struct point, x), FLOW_F(struct point, y));
FLOW_STRUCT(nested, struct nested, FLOW_S(struct nested, from, point), FLOW_S(struct nested, path, point), FLOW_S(struct nested, to, point),
            FLOW_F(struct nested, end));
FLOW_STRUCT(deeper, struct deeper, FLOW_F(struct deeper, id), FLOW_S(struct deeper, all, nested));
FLOW_STRUCT(holes, struct holes, FLOW_F(struct holes, first), FLOW_F(struct holes, second), FLOW_F(struct holes, third));
FLOW_STRUCT(padded, struct padded, FLOW_F(struct padded, a), FLOW_F(struct padded, _reserved), FLOW_F(struct padded, b));
FLOW_STRUCT(folded, struct folded, FLOW_F(struct folded, flag_bits), FLOW_F(struct folded, URL_count), FLOW_F(struct folded, Plain));
FLOW_STRUCT(colored, struct colored, FLOW_F(struct colored, color), FLOW_F(struct colored, n));
FLOW_STRUCT(narrow, struct narrow, FLOW_F(struct narrow, a), FLOW_F(struct narrow, b));
FLOW_STRUCT(packed, struct packed, FLOW_F(struct packed, a), FLOW_F(struct packed, b));
FLOW_STRUCT(pair, struct pair, FLOW_F(struct pair, width), FLOW_F(struct pair, height));
FLOW_STRUCT(half, struct pair, FLOW_F(struct pair, width)); /* the rest is padding */
FLOW_VALUE(number, double);
FLOW_VALUE(text, char);
typedef uint16_t sixteen[16];
FLOW_VALUE(block, sixteen);

static const struct {
    const char *name;
    const FLOW_TYPE *type;
} all[] = {
    { "scalars", &scalars }, { "words", &words }, { "arrays", &arrays }, { "nested", &nested }, { "deeper", &deeper }, { "holes", &holes },
    { "padded", &padded }, { "folded", &folded }, { "colored", &colored }, { "number", &number }, { "text", &text }, { "block", &block },
    { "narrow", &narrow }, { "packed", &packed }, { "half", &half }, { "renamed", &pair }, { "swapped", &pair }, { "wider", &pair },
    { "signed", &pair }, { "more", &pair }, { "less", &point }, { "length", &arrays }, { "inner", &nested }, { "plain", &number },
    { "moved", &holes }, { "alignment", &block },
};

int main(int argc, char **argv)
{
    char what[400];
    const FLOW_RING shape = { 1, 4096, 0 };
    if (argc < 2)
        return 2;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(argv[1], "make") == 0) {
            FLOW_RECEIVER *r = (FLOW_RECEIVER *)malloc(sizeof *r);
            if (!FlowNewReceiver(r, all[i].name, all[i].type, &shape))
                printf("%s: %u %s\n", all[i].name, GetLastError(), FlowExplain(what, sizeof what));
            continue;
        }
        FLOW_SENDER s;
        SetLastError(0);
        HANDLE handle = FlowOpenSender(&s, all[i].name, all[i].type, 0);
        printf("%s: %u %s\n", all[i].name, GetLastError(), FlowExplain(what, sizeof what));
        if (handle)
            CloseHandle(handle);
    }
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
