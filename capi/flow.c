/* Rings and feeds: what namedshm_flow.h has not got inline. */

#include "guest.h"

#include <linux/futex.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "namedshm_flow.h"

/* What there is to say about a thread's last error, and for which it is. */
static __thread DWORD explained;
static __thread char explanation[512];

/* told writes the last error of a call that returned result: nothing for a success. */
static BOOL told(DWORD code)
{
    explained = code;
    return conclude(code);
}

LPCSTR FlowExplain(LPSTR text, SIZE_T room)
{
    const char *what = explained != ERROR_SUCCESS && GetLastError() == explained ? explanation : "";
    if (room == 0)
        return "";
    size_t length = strnlen(what, room - 1);
    memcpy(text, what, length);
    text[length] = '\0';
    return text;
}

/* begin has a call begin, with nothing to say about it yet. */
static bool begin(void)
{
    explanation[0] = '\0';
    if (enter())
        return true;
    explained = ERROR_INVALID_HANDLE;
    strcpy(explanation, "this process was forked, and the end is its parent's");
    return false;
}

#define WORDS explanation, (int)sizeof explanation

/* An end that could not be opened is one that is closed. */
#define OPEN(end, call) \
    do { \
        memset(end, 0, sizeof *(end)); \
        if (!begin() || !told(call)) \
            return NULL; \
        (end)->process = process_mark(); \
        (end)->pid = getpid(); \
        return (end)->handle; \
    } while (0)

HANDLE FlowNewReceiver(FLOW_RECEIVER *r, LPCSTR name, const FLOW_TYPE *type, const FLOW_RING *ring)
{
    OPEN(r, goFlowNewReceiver(r, (char *)name, (FLOW_TYPE *)type, ring ? ring->lanes : 0, ring ? ring->capacity : 0,
                                  ring ? ring->share : 0, WORDS));
}

HANDLE FlowNewWriter(FLOW_WRITER *w, LPCSTR name, const FLOW_TYPE *type, const FLOW_FEED *feed)
{
    OPEN(w, goFlowNewWriter(w, (char *)name, (FLOW_TYPE *)type, feed ? feed->depth : 0, feed ? feed->most : 0,
                                feed ? feed->share : 0, WORDS));
}

HANDLE FlowOpenSender(FLOW_SENDER *s, LPCSTR name, const FLOW_TYPE *type, DWORD milliseconds)
{
    OPEN(s, goFlowOpenSender(s, (char *)name, (FLOW_TYPE *)type, milliseconds, WORDS));
}

HANDLE FlowOpenReader(FLOW_READER *r, LPCSTR name, const FLOW_TYPE *type, DWORD milliseconds)
{
    OPEN(r, goFlowOpenReader(r, (char *)name, (FLOW_TYPE *)type, milliseconds, WORDS));
}

BOOL FlowSenderDrain(FLOW_SENDER *s, DWORD milliseconds) { return begin() && told(goFlowDrain(s, milliseconds, WORDS)); }

void *FlowSenderClaimSlowly(FLOW_SENDER *s, SIZE_T n, DWORD milliseconds)
{
    uintptr_t claim = 0;
    return begin() && told(goFlowClaim(s, n, milliseconds, &claim, WORDS)) ? (void *)claim : NULL;
}

const void *FlowReceiverNextSlowly(FLOW_RECEIVER *r, SIZE_T *n, DWORD milliseconds)
{
    uintptr_t message = 0;
    return begin() && told(goFlowNext(r, n, milliseconds, &message, WORDS)) ? (const void *)message : NULL;
}

BOOL FlowReaderAwait(FLOW_READER *r, DWORD milliseconds) { return begin() && told(goFlowAwait(r, milliseconds, WORDS)); }

VOID FlowWriterRefuse(FLOW_WRITER *w)
{
    if (begin())
        told(goFlowRefuse(w, WORDS));
}

/* wake wakes all who sleep on a word, in whatever process. The kernel may lack the memory to look for them, which a moment
 * later it may have. */
static void wake(uint32_t *word)
{
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 10 && syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) < 0; i++)
        ;
}

/* It is woken first and said last: who is stopped in between keeps no others from waking them. And only what was seen is
 * taken back: who falls asleep meanwhile does so at another number. */

VOID FlowRingBell(struct flow_bell *bell)
{
    uint32_t asleep = __atomic_load_n(&bell->asleep, __ATOMIC_SEQ_CST);
    wake(&bell->rings);
    if (asleep != 0)
        __atomic_compare_exchange_n(&bell->asleep, &asleep, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

VOID FlowMakeRoom(struct flow_lane *lane, ULONGLONG wants)
{
    uint64_t wanted = wants;
    wake(&lane->room);
    __atomic_compare_exchange_n(&lane->wants, &wanted, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
