/* What the calls for rings and feeds say: of a ring that is full or empty, of ends that others have, that have gone, that
 * were closed by another thread, that a forked child has, and that were lost. flowcodes; flowcodes take is another process's part. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <namedshm_flow.h>

FLOW_VALUE(number, uint64_t);
FLOW_VALUE(fraction, double);

static void expect_at(int line, int right)
{
    char text[300];
    if (right)
        return;
    printf("line %d: %u %s\n", line, GetLastError(), FlowExplain(text, sizeof text));
    exit(1);
}

#define EXPECT(condition) expect_at(__LINE__, (condition))
#define FAILS(call, code) expect_at(__LINE__, (SetLastError(0), !(call)) && GetLastError() == (code))

static int says(const char *part)
{
    char text[300];
    return strstr(FlowExplain(text, sizeof text), part) != NULL;
}

static SIZE_T n;
static ULONGLONG lost;
static uint64_t to[8];

static void rings(void)
{
    const FLOW_RING shape = { 2, 4096, 0 }, another = { 3, 0, 0 };
    FLOW_RECEIVER r, second;
    FLOW_SENDER s, t, u;
    char who[20];
    FAILS(FlowOpenSender(&s, "Ring", &number, 0), ERROR_TIMEOUT);
    FAILS(FlowOpenSender(&s, "Ring", &number, 5), ERROR_TIMEOUT);
    FAILS(FlowNewReceiver(&r, "Ring", NULL, &shape), ERROR_FILE_NOT_FOUND);
    FAILS(FlowNewReceiver(&r, "Ring", &number, &(FLOW_RING){ 65, 0, 0 }), ERROR_INVALID_PARAMETER);
    FAILS(FlowSenderClaim(&s, 1, 0), ERROR_INVALID_HANDLE); /* of what could not be opened */
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_INVALID_HANDLE);
    EXPECT(FlowNewReceiver(&r, "Ring", &number, &shape) != NULL && r.handle != NULL && r.size == 8 && r.most == 255);
    FAILS(FlowNewReceiver(&second, "Ring", &number, NULL), ERROR_BUSY);
    snprintf(who, sizeof who, "%d", (int)getpid());
    EXPECT(says(who));
    SetLastError(ERROR_ACCESS_DENIED);
    EXPECT(!says("r"));
    FAILS(FlowNewReceiver(&second, "Ring", &number, &another), ERROR_INVALID_PARAMETER);
    FAILS(FlowOpenSender(&s, "Ring", &fraction, INFINITE), ERROR_DATATYPE_MISMATCH);
    EXPECT(says("a value is f64, there it is u64"));
    FAILS(FlowNewWriter((FLOW_WRITER *)(void *)&second, "Ring", &number, NULL), ERROR_INVALID_HANDLE);
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_TIMEOUT);
    EXPECT(FlowOpenSender(&s, "Ring", &number, INFINITE) != NULL && FlowOpenSender(&t, "Ring", NULL, 0) != NULL);
    FAILS(FlowOpenSender(&u, "Ring", &number, INFINITE), ERROR_BUSY);
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_TIMEOUT);
    FAILS(FlowReceiverNext(&r, &n, 3), ERROR_TIMEOUT);
    /* A message of no values is one. */
    EXPECT(FlowSenderSend(&s, NULL, 0, 0) && FlowReceiverNext(&r, &n, 0) != NULL && n == 0);
    EXPECT(FlowSenderDrain(&s, 0) == FALSE && GetLastError() == ERROR_TIMEOUT);
    FlowReceiverDone(&r);
    EXPECT(FlowSenderDrain(&s, 0));
    /* Full, and room again. */
    int sent = 0;
    while (FlowSenderClaim(&s, 100, 0))
        FlowSenderCommit(&s), sent++;
    EXPECT(sent == 5 && GetLastError() == ERROR_TIMEOUT);
    FAILS(FlowSenderClaim(&s, 100, 3), ERROR_TIMEOUT);
    FAILS(FlowSenderClaim(&s, 256, INFINITE), ERROR_INVALID_PARAMETER);
    FAILS(FlowSenderClaim(&s, (SIZE_T)-1 / 8 + 2, INFINITE), ERROR_INVALID_PARAMETER);
    for (; sent > 0; sent--)
        EXPECT(FlowReceiverNext(&r, &n, 0) != NULL && n == 100);
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_TIMEOUT);
    EXPECT(FlowSenderClaim(&s, 255, 0) && !FlowSenderClaim(&s, 255, INFINITE) && GetLastError() == ERROR_INVALID_PARAMETER);
    FlowSenderAbort(&s);
    /* Goodbyes last until somebody comes. */
    EXPECT(CloseHandle(s.handle));
    FAILS(CloseHandle(s.handle), ERROR_INVALID_HANDLE);
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_TIMEOUT);
    EXPECT(CloseHandle(t.handle));
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_HANDLE_EOF);
    FAILS(FlowReceiverNext(&r, &n, INFINITE), ERROR_HANDLE_EOF);
    EXPECT(FlowOpenSender(&s, "Ring", &number, 0) != NULL);
    FAILS(FlowReceiverNext(&r, &n, 0), ERROR_TIMEOUT);
    EXPECT(CloseHandle(r.handle));
    EXPECT(FlowSenderSend(&s, to, 8, 0)); /* there is room, whoever lives */
    FAILS(FlowSenderDrain(&s, INFINITE), ERROR_BROKEN_PIPE);
    while (FlowSenderSend(&s, to, 8, INFINITE))
        ;
    EXPECT(GetLastError() == ERROR_BROKEN_PIPE && says("closed"));
    FAILS(WaitForSingleObject(s.handle, 0) != WAIT_FAILED, ERROR_ACCESS_DENIED);
    EXPECT(CloseHandle(s.handle));
}

static void feeds(void)
{
    const FLOW_FEED shape = { 3, 8, 0 };
    FLOW_WRITER w, second;
    FLOW_READER r;
    ULONGLONG newest;
    FAILS(FlowWriterClaim((memset(&w, 0, sizeof w), &w)), ERROR_INVALID_HANDLE);
    EXPECT(FlowNewWriter(&w, "Feed", &number, &shape) != NULL && w.most == 8);
    FAILS(FlowNewWriter(&second, "Feed", &number, &shape), ERROR_BUSY);
    EXPECT(FlowOpenReader(&r, "Feed", NULL, 0) != NULL);
    FAILS(FlowReaderNext(&r, to, 8, &n, &lost, 0), ERROR_TIMEOUT);
    FAILS(FlowReaderNext(&r, to, 8, &n, &lost, 3), ERROR_TIMEOUT);
    EXPECT(FlowReaderLatest(&r, to, 8, &n, &newest) && newest == 0 && FlowReaderLook(&r, &n, &newest) == NULL);
    FAILS(FlowWriterWrite(&w, to, 9), ERROR_INVALID_PARAMETER);
    FAILS(FlowWriterCommit(&w, 0), ERROR_INVALID_PARAMETER);
    FAILS(FlowNewWriter(&second, "FeedOfNobody", &number, &(FLOW_FEED){ .share = 3 }), ERROR_INVALID_PARAMETER);
    for (uint64_t i = 1; i <= 10; i++)
        EXPECT(FlowWriterWrite(&w, (to[0] = i, to), (SIZE_T)(i % 3)));
    /* Of ten messages two are kept that the writer may not be at; a buffer that is too small loses none. */
    EXPECT(FlowReaderNext(&r, to, 0, &n, &lost, 0) && lost == 8 && n == 0);
    FAILS(FlowReaderNext(&r, to, 0, &n, &lost, 0), ERROR_INSUFFICIENT_BUFFER);
    EXPECT(n == 1);
    EXPECT(FlowReaderNext(&r, to, 8, &n, &lost, 0) && n == 1 && lost == 0 && to[0] == 10);
    EXPECT(FlowReaderLatest(&r, to, 8, &n, &newest) && newest == 10);
    FAILS(FlowReaderLatest(&r, to, 0, &n, &newest), ERROR_INSUFFICIENT_BUFFER);
    EXPECT(n == 1);
    EXPECT(FlowReaderLook(&r, &n, &newest) != NULL && FlowReaderWhole(&r, newest));
    for (int i = 0; i < 4; i++)
        EXPECT(FlowWriterWrite(&w, to, 1));
    EXPECT(!FlowReaderWhole(&r, newest));
    EXPECT(CloseHandle(w.handle));
    EXPECT(FlowReaderNext(&r, to, 8, &n, &lost, 0) && lost == 2 && FlowReaderNext(&r, to, 8, &n, &lost, 0));
    FAILS(FlowReaderNext(&r, to, 8, &n, &lost, 0), ERROR_HANDLE_EOF);
    FAILS(FlowReaderNext(&r, to, 8, &n, &lost, INFINITE), ERROR_HANDLE_EOF);
    EXPECT(CloseHandle(r.handle));
}

static DWORD code_of_thread;

static void *receives(void *r)
{
    SIZE_T count;
    code_of_thread = FlowReceiverNext((FLOW_RECEIVER *)r, &count, INFINITE) ? 0 : GetLastError();
    return NULL;
}

static void *claims(void *s)
{
    code_of_thread = FlowSenderClaim((FLOW_SENDER *)s, 200, INFINITE) ? 0 : GetLastError();
    return NULL;
}

/* used_too_late: calls on ends that are closed, and writes to what they gave away, harm nobody. */
static void used_too_late(void)
{
    FLOW_RECEIVER r;
    FLOW_SENDER s;
    FLOW_WRITER w;
    FLOW_READER d;
    EXPECT(FlowNewReceiver(&r, "Late", &number, NULL) && FlowOpenSender(&s, "Late", &number, 0));
    EXPECT(FlowNewWriter(&w, "LateFeed", &number, NULL) && FlowOpenReader(&d, "LateFeed", &number, 0));
    uint64_t *claim = FlowSenderClaim(&s, 2, 0);
    EXPECT(claim != NULL);
    claim[0] = claim[1] = 1;
    FlowSenderCommit(&s);
    const uint64_t *message = FlowReceiverNext(&r, &n, 0);
    EXPECT(message != NULL && n == 2 && message[1] == 1);
    EXPECT(CloseHandle(s.handle) && CloseHandle(w.handle) && CloseHandle(d.handle) && CloseHandle(r.handle));
    claim[0] = message[1];
    FlowSenderCommit(&s);
    FAILS(FlowSenderClaim(&s, 1, 0), ERROR_INVALID_HANDLE);
    EXPECT(says("closed"));
    FAILS(FlowSenderDrain(&s, 0), ERROR_INVALID_HANDLE);
    FAILS(FlowReceiverNext(&r, &n, INFINITE), ERROR_INVALID_HANDLE);
    FAILS(FlowWriterClaim(&w), ERROR_INVALID_HANDLE);
    FAILS(FlowWriterWrite(&w, to, 1), ERROR_INVALID_HANDLE);
    FAILS(FlowReaderNext(&d, to, 1, &n, &lost, INFINITE), ERROR_INVALID_HANDLE);
}

/* closed_by_another: a call that waits ends when another thread closes its end. */
static void closed_by_another(void)
{
    const FLOW_RING shape = { 1, 4096, 0 };
    FLOW_RECEIVER r;
    FLOW_SENDER s;
    pthread_t thread;
    EXPECT(FlowNewReceiver(&r, "Closed", &number, &shape) != NULL && FlowOpenSender(&s, "Closed", &number, 0) != NULL);
    while (FlowSenderClaim(&s, 200, 0))
        FlowSenderCommit(&s);
    pthread_create(&thread, NULL, claims, &s);
    while (FLOW_LOAD(&s.lane->wants) == 0)
        sched_yield();
    EXPECT(CloseHandle(s.handle));
    pthread_join(thread, NULL);
    EXPECT(code_of_thread == ERROR_INVALID_HANDLE);
    EXPECT(FlowOpenSender(&s, "Closed", &number, 0) != NULL);
    while (FlowReceiverNext(&r, &n, 0))
        ;
    pthread_create(&thread, NULL, receives, &r);
    while (FLOW_LOAD(&r.bell->asleep) == 0)
        sched_yield();
    EXPECT(CloseHandle(r.handle));
    pthread_join(thread, NULL);
    EXPECT(code_of_thread == ERROR_INVALID_HANDLE);
    EXPECT(CloseHandle(s.handle));
}

/* forked: a child has no end, and what it tries does nothing to its parent's. */
static void forked(void)
{
    FLOW_RECEIVER r;
    FLOW_SENDER s;
    FLOW_WRITER w;
    FLOW_READER d;
    int status;
    EXPECT(FlowNewReceiver(&r, "Forked", &number, NULL) && FlowOpenSender(&s, "Forked", &number, 0) &&
           FlowNewWriter(&w, "Forked feed", &number, NULL) && FlowOpenReader(&d, "Forked feed", &number, 0));
    EXPECT(FlowSenderSend(&s, to, 1, 0) && FlowWriterWrite(&w, to, 1));
    pid_t child = fork();
    if (child == 0) {
        FAILS(FlowSenderClaim(&s, 1, INFINITE), ERROR_INVALID_HANDLE);
        EXPECT(says("forked"));
        FAILS(FlowSenderDrain(&s, INFINITE), ERROR_INVALID_HANDLE);
        FAILS(FlowReceiverNext(&r, &n, INFINITE), ERROR_INVALID_HANDLE);
        FAILS(FlowWriterClaim(&w), ERROR_INVALID_HANDLE);
        FAILS(FlowWriterWrite(&w, to, 1), ERROR_INVALID_HANDLE);
        FAILS(FlowReaderNext(&d, to, 1, &n, &lost, INFINITE), ERROR_INVALID_HANDLE);
        FAILS(FlowReaderLatest(&d, to, 1, &n, &lost), ERROR_INVALID_HANDLE);
        FAILS(FlowReaderLook(&d, &n, &lost), ERROR_INVALID_HANDLE);
        FAILS(FlowOpenSender(&s, "Forked", &number, 0), ERROR_INVALID_HANDLE);
        FlowReceiverDone(&r);
        fflush(stdout);
        _exit(0);
    }
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    EXPECT(FlowReceiverNext(&r, &n, 0) && n == 1 && FlowReaderNext(&d, to, 1, &n, &lost, 0));
    EXPECT(CloseHandle(r.handle) && CloseHandle(s.handle) && CloseHandle(w.handle) && CloseHandle(d.handle));
}

/* take takes the feed whose writer has lost its descriptors, as another process. */
static int take(void)
{
    FLOW_WRITER w;
    if (!FlowNewWriter(&w, "Lost", &number, NULL))
        return 1;
    return FlowWriterWrite(&w, to, 1) && CloseHandle(w.handle) ? 0 : 2;
}

/* keep keeps it open until it is killed. */
static int keep(void)
{
    FLOW_READER r;
    if (!FlowOpenReader(&r, "Lost", &number, 0) || write(STDOUT_FILENO, "k", 1) != 1)
        return 1;
    for (;;)
        pause();
}

/* lost_descriptors: who closes descriptors that it did not open is dead for others, and is told once somebody has taken its end. */
static void lost_descriptors(const char *self)
{
    FLOW_WRITER w;
    FLOW_READER r;
    pid_t child;
    int status;
    EXPECT(FlowNewWriter(&w, "Lost", &number, NULL) && FlowOpenReader(&r, "Lost", &number, 0) && FlowWriterWrite(&w, to, 1));
    int ready[2];
    char byte;
    EXPECT(pipe(ready) == 0);
    if ((child = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* in case this process fails */
        dup2(ready[1], STDOUT_FILENO);
        execl(self, self, "keep", (char *)NULL);
        _exit(9);
    }
    EXPECT(read(ready[0], &byte, 1) == 1); /* the name is kept by others too */
    closefrom(3);
    pid_t other = fork();
    if (other == 0) {
        execl(self, self, "take", (char *)NULL);
        _exit(9);
    }
    EXPECT(waitpid(other, &status, 0) == other && status == 0);
    FAILS(FlowWriterClaim(&w), ERROR_INVALID_HANDLE);
    EXPECT(says("another process has taken this end"));
    EXPECT(FlowReaderNext(&r, to, 1, &n, &lost, 0) && FlowReaderNext(&r, to, 1, &n, &lost, 0));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
}

/* share holds a feed that everybody may read, and one that everybody may write, until its input ends. */
static int share(void)
{
    FLOW_WRITER read, write;
    EXPECT(FlowNewWriter(&read, "Global\\Readable", &number, &(FLOW_FEED){ .share = FLOW_SHARE_READ }) != NULL);
    EXPECT(FlowNewWriter(&write, "Global\\Writable", &number, &(FLOW_FEED){ .share = FLOW_SHARE_WRITE }) != NULL);
    puts("ready");
    fflush(stdout);
    return getchar() == EOF ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "share") == 0)
        return share();
    if (argc > 1)
        return strcmp(argv[1], "keep") == 0 ? keep() : take();
    rings();
    feeds();
    used_too_late();
    closed_by_another();
    forked();
    lost_descriptors(argv[0]);
    puts("well");
    return 0;
}
