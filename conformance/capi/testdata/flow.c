/* One end of a ring or a feed, as C11 and as C++17: flow send|receive|write|read|latest NAME [COUNT]. It says what has
 * happened in lines, and waits for one where somebody else is to do something first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <namedshm_flow.h>

struct moment {
    int64_t seconds;
    uint32_t nanoseconds;
};

struct item {
    uint64_t number;
    struct moment at;
    uint32_t sender;
    uint16_t place;
    char tag[6];
    double half;
};

FLOW_STRUCT(moment_type, struct moment, FLOW_F(struct moment, seconds), FLOW_F(struct moment, nanoseconds));
FLOW_STRUCT(item_type, struct item, FLOW_F(struct item, number), FLOW_S(struct item, at, moment_type),
            FLOW_F(struct item, sender), FLOW_F(struct item, place), FLOW_F(struct item, tag), FLOW_F(struct item, half));

enum { MOST = 5 };

static void fail(const char *what)
{
    char text[300];
    printf("%s: %u %s\n", what, GetLastError(), FlowExplain(text, sizeof text));
    exit(1);
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout);
}

static void wait_for_line(void)
{
    int c;
    while ((c = getchar()) != '\n' && c != EOF)
        ;
}

/* Message k has 1 to MOST items, of which each can be told by its own bytes. */
static SIZE_T length_of(uint64_t k) { return 1 + k % MOST; }

static void fill(struct item *m, uint64_t k, uint32_t sender)
{
    for (SIZE_T i = 0; i < length_of(k); i++) {
        m[i].number = k;
        m[i].at.seconds = -(int64_t)k;
        m[i].at.nanoseconds = (uint32_t)(k % 1000);
        m[i].sender = sender;
        m[i].place = (uint16_t)i;
        memcpy(m[i].tag, "tagged", 6);
        m[i].half = (double)k / 2;
    }
}

static void check(const struct item *m, SIZE_T n)
{
    for (SIZE_T i = 0; i < n; i++)
        if (n != length_of(m->number) || m[i].number != m->number || m[i].at.seconds != -(int64_t)m->number ||
            m[i].at.nanoseconds != m->number % 1000 || m[i].sender != m->sender || m[i].place != i || memcmp(m[i].tag, "tagged", 6) != 0 ||
            m[i].half != (double)m->number / 2) {
            printf("torn: item %zu of message %" PRIu64 ", which has %zu\n", i, m->number, n);
            exit(1);
        }
}

/* A sender's messages are claimed in pairs, and every other time sent; between them one is given back. */
static int send_all(const char *name, uint64_t count, uint32_t id)
{
    FLOW_SENDER s;
    if (!FlowOpenSender(&s, name, &item_type, INFINITE))
        fail("open");
    for (uint64_t k = 1; k <= count; k++) {
        struct item *m, sent[MOST];
        if (k % 2 == 0) {
            fill(sent, k, id);
            if (!FlowSenderSend(&s, sent, length_of(k), INFINITE))
                fail("send");
            continue;
        }
        if (!(m = (struct item *)FlowSenderClaim(&s, MOST, INFINITE)))
            fail("claim");
        fill(m, 1, id + 1000);
        FlowSenderAbort(&s);
        if (!(m = (struct item *)FlowSenderClaim(&s, length_of(k), INFINITE)))
            fail("claim");
        fill(m, k, id);
        if (k + 2 <= count && k % 3 == 0) {
            if (!(m = (struct item *)FlowSenderClaim(&s, length_of(k + 1), INFINITE)))
                fail("second claim");
            k++;
            fill(m, k, id);
        }
        FlowSenderCommit(&s);
    }
    if (FlowSenderClaim(&s, s.most + 1, INFINITE) || GetLastError() != ERROR_INVALID_PARAMETER)
        fail("too long");
    say("sent");
    wait_for_line();
    if (!FlowSenderDrain(&s, INFINITE))
        fail("drain");
    if (!CloseHandle(s.handle))
        fail("close");
    say("closed");
    return 0;
}

static int receive_all(const char *name)
{
    static FLOW_RING shape;
    FLOW_RECEIVER r;
    uint64_t last[64] = { 0 }, count = 0;
    const struct item *m;
    SIZE_T n;
    char text[300];
    shape.lanes = 4;
    shape.capacity = 4096;
    if (!FlowNewReceiver(&r, name, &item_type, &shape))
        fail("new");
    say("ready");
    while ((m = (const struct item *)FlowReceiverNext(&r, &n, count % 7 ? INFINITE : 0)) || GetLastError() == ERROR_TIMEOUT) {
        if (!m)
            m = (const struct item *)FlowReceiverNext(&r, &n, INFINITE);
        if (!m)
            break;
        check(m, n);
        if (m->sender >= 64 || m->number != ++last[m->sender]) {
            printf("message %" PRIu64 " of %u comes after %" PRIu64 "\n", m->number, m->sender, last[m->sender] - 1);
            return 1;
        }
        if (++count % 5 == 0)
            FlowReceiverDone(&r);
    }
    DWORD code = GetLastError();
    FlowExplain(text, sizeof text);
    printf("%" PRIu64 " messages, %u %s\n", count, code, text);
    if (!CloseHandle(r.handle))
        fail("close");
    return 0;
}

static int write_all(const char *name, uint64_t count)
{
    FLOW_FEED shape = { 4, MOST, 0 };
    FLOW_WRITER w;
    struct item sent[MOST];
    if (!FlowNewWriter(&w, name, &item_type, &shape))
        fail("new");
    say("ready");
    wait_for_line();
    for (uint64_t k = 1; k <= count; k++) {
        if (k % 2 == 0) {
            fill(sent, k, 0);
            if (!FlowWriterWrite(&w, sent, length_of(k)))
                fail("write");
        } else {
            struct item *m = (struct item *)FlowWriterClaim(&w);
            if (!m)
                fail("claim");
            fill(m, k, 0);
            if (!FlowWriterCommit(&w, length_of(k)))
                fail("commit");
        }
    }
    if (FlowWriterCommit(&w, 1) || GetLastError() != ERROR_INVALID_PARAMETER || FlowWriterWrite(&w, sent, MOST + 1))
        fail("a commit of nothing");
    say("written");
    wait_for_line();
    if (!CloseHandle(w.handle))
        fail("close");
    return 0;
}

static int read_all(const char *name)
{
    FLOW_READER r;
    struct item m[MOST];
    SIZE_T n;
    ULONGLONG lost, all = 0;
    char text[300];
    if (!FlowOpenReader(&r, name, NULL, INFINITE) || r.size != sizeof *m || r.most != MOST)
        fail("open");
    CloseHandle(r.handle);
    if (!FlowOpenReader(&r, name, &item_type, INFINITE))
        fail("open");
    say("ready");
    for (;;) {
        BOOL got = FlowReaderNext(&r, m, 1, &n, &lost, INFINITE);
        all += lost;
        if (!got && GetLastError() == ERROR_INSUFFICIENT_BUFFER) { /* it is still there, unless it was written over meanwhile */
            got = FlowReaderNext(&r, m, MOST, &n, &lost, INFINITE);
            all += lost;
        }
        if (!got)
            break;
        check(m, n);
        if (m->number != ++all) {
            printf("message %" PRIu64 " where %llu is expected\n", m->number, all);
            return 1;
        }
    }
    DWORD code = GetLastError();
    FlowExplain(text, sizeof text);
    printf("%llu messages, %u %s\n", all, code, text);
    CloseHandle(r.handle);
    return 0;
}

static int latest(const char *name, uint64_t until)
{
    FLOW_READER r;
    struct item m[MOST];
    SIZE_T n;
    ULONGLONG number = 0, before = 0;
    if (!FlowOpenReader(&r, name, &item_type, INFINITE))
        fail("open");
    say("ready");
    while (number < until) {
        const struct item *in_place;
        if ((in_place = (const struct item *)FlowReaderLook(&r, &n, &number)) != NULL) {
            struct item first = *in_place;
            if (FlowReaderWhole(&r, number) && first.number != number) {
                printf("message %llu is %" PRIu64 "\n", number, first.number);
                return 1;
            }
        }
        if (!FlowReaderLatest(&r, m, MOST, &n, &number))
            fail("latest");
        if (number == 0)
            continue;
        check(m, n);
        if (m->number != number || number < before) {
            printf("message %llu after %llu is %" PRIu64 "\n", number, before, m->number);
            return 1;
        }
        before = number;
    }
    printf("%llu\n", number);
    CloseHandle(r.handle);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (strcmp(what, "send") == 0)
        return send_all(argv[2], count, argc > 4 ? (uint32_t)atoi(argv[4]) : 0);
    if (strcmp(what, "receive") == 0)
        return receive_all(argv[2]);
    if (strcmp(what, "write") == 0)
        return write_all(argv[2], count);
    if (strcmp(what, "read") == 0)
        return read_all(argv[2]);
    if (strcmp(what, "latest") == 0)
        return latest(argv[2], count);
    return 2;
}
