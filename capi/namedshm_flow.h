/* namedshm_flow.h: rings and feeds, for C11 and C++11 programs on Linux.
 *
 * A ring carries every message once, from any number of senders to one receiver; when it is full, senders wait. A
 * feed carries the newest messages from one writer to any number of readers, which may lag and are told what they
 * missed; its writer never waits. Both lie in an ordinary section, live as long as any process has an end open, and are
 * freed by the kernel. Programs in Go use the same rings and feeds through package flow, whose documentation says what
 * is promised and what is not: no order among senders, and at least once over a receiver's death. Windows has no such
 * calls; codes and types are Windows'.
 *
 * A message is a number of values of one type, whose structure both sides describe:
 *
 *     struct job { uint64_t number; char path[120]; };
 *     FLOW_STRUCT(job_type, struct job, FLOW_F(struct job, number), FLOW_F(struct job, path));
 *
 *     FLOW_SENDER sender;
 *     if (!FlowOpenSender(&sender, "Jobs", &job_type, INFINITE))
 *         ...                                                      // GetLastError; FlowExplain says it in words
 *     struct job *j = (struct job *)FlowSenderClaim(&sender, 1, INFINITE);
 *     if (j) {
 *         j->number = 42;                                          // in the ring itself; it holds old bytes
 *         FlowSenderCommit(&sender);                               // now it is there, whole
 *     }
 *     CloseHandle(sender.handle);
 *
 * The receiver and the writer, of which there is one, make the ring or feed unless somebody has it; senders and
 * readers wait for the name. An end is closed by CloseHandle; other ends see a goodbye. Of a process that ends
 * without that, or is killed, they see a death. Nothing is ever left to be mended.
 *
 * A call takes milliseconds as WaitForSingleObject does: 0 looks once, INFINITE waits without limit. A call that fails
 * returns NULL or FALSE, and GetLastError says why:
 *
 *     ERROR_TIMEOUT             the time is up
 *     ERROR_BUSY                somebody has this end, or all lanes have senders
 *     ERROR_DATATYPE_MISMATCH   the ring or feed is one of another type
 *     ERROR_HANDLE_EOF          all is read, and everybody on the other side has closed; it lasts until somebody comes
 *     ERROR_BROKEN_PIPE         the same, but somebody died without closing; for a sender: full, and no receiver lives
 *     ERROR_FILE_CORRUPT        somebody has written what no end writes
 *     ERROR_INSUFFICIENT_BUFFER a reader's buffer is too small; the message is still there to be read
 *     ERROR_INVALID_PARAMETER   a message longer than any can be, or a shape that is not the one that is there
 *     ERROR_INVALID_HANDLE      the end is closed, or another process has taken it, or the name is of something else
 *
 * Threads: an end is used by one thread at a time. Only CloseHandle may come from another, while a call waits: the
 * call then fails with ERROR_INVALID_HANDLE. So does a call on an end that is closed. What a claim or a message pointed
 * to must not be used after that: it is zeros, and gone when the program has closed 256 more ends. In a child made by fork an end is the parent's, and claims and calls that wait fail with
 * ERROR_INVALID_HANDLE. No call may be made in a signal handler.
 *
 * What is inline below is the whole way of a message when nobody must be waited for or woken. It is a promise to
 * others, whose layout docs/design.md gives, so a program may go on as it was compiled with a newer library.
 */
#ifndef NAMEDSHM_FLOW_H
#define NAMEDSHM_FLOW_H

#include <string.h>

#include "namedshm.h"

#ifdef __cplusplus
#include <type_traits>
extern "C" {
#endif

/* Types of values. What is declared here is filled by the macros below. */

enum {
    FLOW_U8 = 1, FLOW_U16, FLOW_U32, FLOW_U64, FLOW_I8, FLOW_I16, FLOW_I32, FLOW_I64, FLOW_F32, FLOW_F64,
    FLOW_NESTED = 15, /* a struct */
    FLOW_ARRAY = 16   /* besides: an array of them */
};

typedef struct FLOW_FIELD {
    const char *name;
    uint32_t code;
    uint32_t offset;
    uint32_t size;                 /* of all of it */
    uint32_t row;                  /* of an array of arrays: the size of one; otherwise 0 */
    const struct FLOW_TYPE *type;  /* of a nested struct */
} FLOW_FIELD;

typedef struct FLOW_TYPE {
    const FLOW_FIELD *fields;
    uint32_t count; /* 0: no struct, and the one field is the value itself */
    uint32_t size, alignment;
} FLOW_TYPE;

/* Shapes. What is 0 is as it is there, or as usual: 8 lanes of 1 MiB; 64 messages of 1 value; for the owner alone.
 * share is for a new ring or feed, and says who else may open it; others reach only names that begin with Global\. */

enum {
    FLOW_SHARE_READ = 1, /* everybody may read it: a feed */
    FLOW_SHARE_WRITE = 2 /* everybody may take any end */
};

typedef struct FLOW_RING {
    DWORD lanes;        /* how many can send at the same time: 1 to 64 */
    ULONGLONG capacity; /* bytes of a lane, a power of two from 4096. A message has at most half of that, less 8 */
    DWORD share;
} FLOW_RING;

typedef struct FLOW_FEED {
    DWORD depth; /* messages kept, at least 3 */
    DWORD most;  /* the most values in a message */
    DWORD share;
} FLOW_FEED;

/* What lies in the section. All is private but for those who want to know. */

struct flow_lane {
    uint64_t tail;
    uint8_t pad0[120];
    uint64_t head, received, wants;
    uint8_t pad1[104];
    uint64_t end;
    uint8_t pad2[120];
    uint32_t room;
    uint8_t pad3[124];
};

struct flow_bell {
    uint32_t asleep;
    uint8_t pad0[124];
    uint32_t rings;
    uint8_t pad1[124];
    uint64_t receiver;
    uint8_t pad2[120];
    uint32_t used;
    uint8_t pad3[124];
};

struct flow_slot {
    uint64_t seq;
    uint32_t bytes, zero;
};

/* The four ends. An end is the program's own variable; a call that opens it fills it. handle is for CloseHandle,
 * size and most may be read: the bytes of a value, and the most values in a message. The rest is private. An end
 * must not be copied. */

typedef struct FLOW_SENDER {
    HANDLE handle;
    const volatile int32_t *process;
    int32_t pid;
    uint32_t refused;
    uint64_t size, most;
    struct flow_lane *lane;
    struct flow_bell *bell;
    uint8_t *data;
    uint64_t taken, capacity, tail, next, limit;
} FLOW_SENDER;

struct flow_incoming {
    struct flow_lane *lane;
    uint8_t *data;
    uint64_t pos, next, tail, told, received, damaged;
};

typedef struct FLOW_RECEIVER {
    HANDLE handle;
    const volatile int32_t *process;
    int32_t pid;
    uint32_t empty;
    uint64_t size, most;
    struct flow_bell *bell;
    uint64_t capacity, inverse;
    uint32_t shift, lane_count, used, at;
    struct flow_incoming lanes[64];
} FLOW_RECEIVER;

typedef struct FLOW_WRITER {
    HANDLE handle;
    const volatile int32_t *process;
    int32_t pid;
    uint32_t silent;
    uint64_t size, most;
    struct flow_lane *lane;
    struct flow_bell *bell;
    uint8_t *data;
    uint64_t taken, depth, stride, tail;
    struct flow_slot *claimed;
} FLOW_WRITER;

typedef struct FLOW_READER {
    HANDLE handle;
    const volatile int32_t *process;
    int32_t pid;
    uint32_t empty;
    uint64_t size, most;
    struct flow_lane *lane;
    uint8_t *data;
    uint64_t depth, stride, inverse, next;
    uint32_t shift, zero;
} FLOW_READER;

/* Opening. The result is the end's handle, or NULL. The type may be NULL where something is only opened: whatever is
 * there then; and the shape may be, for the usual. Names are UTF-8, as for the A functions. */

NAMEDSHM_API HANDLE FlowNewReceiver(FLOW_RECEIVER *receiver, LPCSTR name, const FLOW_TYPE *type, const FLOW_RING *ring);
NAMEDSHM_API HANDLE FlowNewWriter(FLOW_WRITER *writer, LPCSTR name, const FLOW_TYPE *type, const FLOW_FEED *feed);
NAMEDSHM_API HANDLE FlowOpenSender(FLOW_SENDER *sender, LPCSTR name, const FLOW_TYPE *type, DWORD milliseconds);
NAMEDSHM_API HANDLE FlowOpenReader(FLOW_READER *reader, LPCSTR name, const FLOW_TYPE *type, DWORD milliseconds);

/* FlowSenderDrain returns when all is read that was committed. */
NAMEDSHM_API BOOL FlowSenderDrain(FLOW_SENDER *sender, DWORD milliseconds);

/* FlowExplain copies what there is to say about the last error of this thread, cut off where there is no more room: who
 * has an end, or which is the first field that differs. It is "" unless that error is one of these calls'. */
NAMEDSHM_API LPCSTR FlowExplain(LPSTR text, SIZE_T room);

/* Where the inline calls go when they cannot go on by themselves. Not to be called otherwise. */
NAMEDSHM_API void *FlowSenderClaimSlowly(FLOW_SENDER *sender, SIZE_T n, DWORD milliseconds);
NAMEDSHM_API const void *FlowReceiverNextSlowly(FLOW_RECEIVER *receiver, SIZE_T *n, DWORD milliseconds);
NAMEDSHM_API BOOL FlowReaderAwait(FLOW_READER *reader, DWORD milliseconds);
NAMEDSHM_API VOID FlowWriterRefuse(FLOW_WRITER *writer);
NAMEDSHM_API VOID FlowRingBell(struct flow_bell *bell);
NAMEDSHM_API VOID FlowMakeRoom(struct flow_lane *lane, ULONGLONG wants);

/* Private. A load or store here is one of the machine's; what was stored before a FLOW_STORE is seen by who sees it
 * with FLOW_LOAD. SEQ_CST is for the one place where a load must not pass a store: whoever has moved a tail looks
 * whether somebody sleeps, and whoever is about to sleep looks at the tail. */

#define FLOW_LOAD(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define FLOW_STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

enum { FLOW_PATIENCE = 1024, FLOW_ROUNDS = 1000 };

#define FLOW_PADDING ((uint64_t)1 << 63)
#define FLOW_CLOSED ((uint64_t)1 << 31)
#define FLOW_MOST_POSITION ((uint64_t)1 << 62)

/* flow_record is the room that a message takes. */
static inline uint64_t flow_record(uint64_t bytes) { return 8 + ((bytes + 7) & ~(uint64_t)7); }

/* flow_here reports an open end of this process, and not of the one that forked it. */
static inline BOOL flow_here(HANDLE handle, const volatile int32_t *process, int32_t pid)
{
    return handle != NULL && *process == pid;
}

/* flow_ring wakes those who read, if they sleep. */
static inline VOID flow_ring(struct flow_bell *bell, uint32_t silent)
{
    if (__atomic_load_n(&bell->asleep, __ATOMIC_SEQ_CST) != 0 || silent)
        FlowRingBell(bell);
}

/* flow_divide is how many values a number of bytes is: more than there can be if it is no whole number. */
static inline uint64_t flow_divide(uint64_t bytes, uint64_t inverse, uint32_t shift)
{
    uint64_t product = bytes * inverse;
    return product >> shift | product << ((64 - shift) & 63);
}

/* Sending. */

/* FlowSenderClaim is room for a message of n values, in the ring itself, seen by nobody before FlowSenderCommit. It
 * waits for room. What it holds is old bytes. Several claims may be open. */
static inline void *FlowSenderClaim(FLOW_SENDER *s, SIZE_T n, DWORD milliseconds)
{
    if (n <= s->most && flow_here(s->handle, s->process, s->pid) && FLOW_LOAD(&s->lane->end) == s->taken) {
        uint64_t bytes = n * s->size, room = flow_record(bytes);
        uint64_t at = s->next & (s->capacity - 1), left = s->capacity - at;
        uint64_t end = s->next + room + (room > left ? left : 0);
        if (end > s->limit && end - s->tail <= s->capacity) {
            uint64_t head = FLOW_LOAD(&s->lane->head);
            if (head + s->capacity >= s->limit && head <= s->tail && head % 8 == 0)
                s->limit = head + s->capacity;
            else
                s->refused = FLOW_PATIENCE - 1; /* not to be believed: the slow call says so */
        }
        if (end <= s->limit) {
            uint64_t padding = FLOW_PADDING | (left - 8);
            if (room > left) {
                memcpy(s->data + at, &padding, 8);
                at = 0;
            }
            memcpy(s->data + at, &bytes, 8);
            s->next = end;
            return s->data + at + 8;
        }
        if (milliseconds == 0 && end - s->tail <= s->capacity && ++s->refused % FLOW_PATIENCE != 0) {
            SetLastError(ERROR_TIMEOUT);
            return NULL;
        }
    }
    return FlowSenderClaimSlowly(s, n, milliseconds);
}

/* FlowSenderCommit makes all open claims visible, at once. */
static inline VOID FlowSenderCommit(FLOW_SENDER *s)
{
    if (s->next == s->tail)
        return;
    s->tail = s->next;
    __atomic_store_n(&s->lane->tail, s->next, __ATOMIC_SEQ_CST);
    flow_ring(s->bell, 0);
}

/* FlowSenderAbort gives all open claims back. */
static inline VOID FlowSenderAbort(FLOW_SENDER *s) { s->next = s->tail; }

/* FlowSenderSend claims room for n values, copies them there and commits. */
static inline BOOL FlowSenderSend(FLOW_SENDER *s, const void *values, SIZE_T n, DWORD milliseconds)
{
    void *claim = FlowSenderClaim(s, n, milliseconds);
    if (claim == NULL)
        return FALSE;
    if (n != 0)
        memcpy(claim, values, n * s->size);
    FlowSenderCommit(s);
    return TRUE;
}

/* Receiving. */

/* flow_tell tells a lane's sender what is done with, and wakes it if that is what it waits for. */
static inline VOID flow_tell(struct flow_incoming *l)
{
    l->told = l->pos;
    FLOW_STORE(&l->lane->received, l->received);
    __atomic_store_n(&l->lane->head, l->pos, __ATOMIC_SEQ_CST);
    uint64_t wants = __atomic_load_n(&l->lane->wants, __ATOMIC_SEQ_CST);
    if (wants != 0 && l->pos >= wants)
        FlowMakeRoom(l->lane, wants);
}

/* flow_turn goes on to the next lane in which there is something, as far as can be told without doubt. */
static inline struct flow_incoming *flow_turn(FLOW_RECEIVER *r)
{
    if (r->lanes[r->at].told != r->lanes[r->at].pos)
        flow_tell(&r->lanes[r->at]);
    if (r->used < r->lane_count) {
        uint32_t used = FLOW_LOAD(&r->bell->used);
        r->used = used < r->lane_count ? used : r->lane_count;
    }
    for (uint32_t i = 0; i < r->used; i++) {
        if (++r->at >= r->used)
            r->at = 0;
        struct flow_incoming *l = &r->lanes[r->at];
        uint64_t tail = FLOW_LOAD(&l->lane->tail);
        if (tail == l->tail || l->damaged)
            continue;
        if (tail < l->tail || tail % 8 != 0 || tail - l->pos > r->capacity || tail >= FLOW_MOST_POSITION) {
            r->at = r->at > 0 ? r->at - 1 : r->used - 1; /* the slow call comes to it next, and says so */
            r->empty = FLOW_PATIENCE - 1;
            return NULL;
        }
        l->tail = tail;
        return l;
    }
    return NULL;
}

/* flow_message is the message at a lane's position, or NULL for what no sender writes. The length is read once:
 * whoever may write it can change it at any moment. */
static inline const void *flow_message(FLOW_RECEIVER *r, struct flow_incoming *l, SIZE_T *n)
{
    uint64_t at = l->pos & (r->capacity - 1), room, values;
    uint64_t bytes = __atomic_load_n((uint64_t *)(void *)(l->data + at), __ATOMIC_RELAXED);
    if (bytes & FLOW_PADDING) {
        uint64_t left = r->capacity - at;
        if ((bytes & ~FLOW_PADDING) != left - 8 || at <= r->capacity / 2 || left >= l->tail - l->pos)
            return NULL;
        l->pos += left;
        l->next = l->pos;
        at = 0;
        bytes = __atomic_load_n((uint64_t *)(void *)l->data, __ATOMIC_RELAXED);
    }
    room = flow_record(bytes);
    values = flow_divide(bytes, r->inverse, r->shift);
    if (bytes > r->capacity || room > l->tail - l->pos || room > r->capacity - at || values > r->most)
        return NULL;
    l->next = l->pos + room;
    *n = values;
    return l->data + at + 8;
}

/* flow_finish counts the message that was returned last as done with. */
static inline struct flow_incoming *flow_finish(FLOW_RECEIVER *r)
{
    struct flow_incoming *l = &r->lanes[r->at];
    if (l->next != l->pos) {
        l->pos = l->next;
        l->received++;
    }
    return l;
}

/* flow_senders_stay reports that nobody need be asked whether all senders have gone: one has not closed, or none
 * ever came. */
static inline BOOL flow_senders_stay(FLOW_RECEIVER *r)
{
    BOOL ever = FALSE;
    for (uint32_t i = 0; i < r->used; i++) {
        uint64_t end = FLOW_LOAD(&r->lanes[i].lane->end);
        if (end != 0 && !(end & FLOW_CLOSED) && !r->lanes[i].damaged)
            return TRUE;
        ever = ever || end != 0;
    }
    return !ever;
}

/* FlowReceiverNext is the next message, in place, until the next call on this end; *n is how many values it has. It
 * waits for one. When it fails, *n is left alone. A message of none is not NULL. */
static inline const void *FlowReceiverNext(FLOW_RECEIVER *r, SIZE_T *n, DWORD milliseconds)
{
    if (flow_here(r->handle, r->process, r->pid)) {
        struct flow_incoming *l = flow_finish(r);
        const void *message = NULL;
        if (l->pos - l->told >= r->capacity / 8)
            flow_tell(l);
        if (l->pos == l->tail)
            l = flow_turn(r);
        if (l != NULL && (message = flow_message(r, l, n)) != NULL)
            return message;
        if (l == NULL && milliseconds == 0 && ++r->empty % FLOW_PATIENCE != 0 && flow_senders_stay(r)) {
            SetLastError(ERROR_TIMEOUT);
            return NULL;
        }
    }
    return FlowReceiverNextSlowly(r, n, milliseconds);
}

/* FlowReceiverDone says that the message which was returned last is done with: a successor will not get it again.
 * Otherwise that is said when a lane has been emptied, or an eighth of its capacity has been read. */
static inline VOID FlowReceiverDone(FLOW_RECEIVER *r)
{
    if (!flow_here(r->handle, r->process, r->pid))
        return;
    struct flow_incoming *l = flow_finish(r);
    if (l->told != l->pos)
        flow_tell(l);
}

/* Writing. */

static inline struct flow_slot *flow_slot(uint8_t *data, uint64_t depth, uint64_t stride, uint64_t number)
{
    uint64_t i = depth & (depth - 1) ? (number - 1) % depth : (number - 1) & (depth - 1);
    return (struct flow_slot *)(void *)(data + i * stride);
}

/* FlowWriterClaim is the place of the next message, with room for the most values there can be. It never waits. What it
 * holds is old bytes. A second claim is the same one. */
static inline void *FlowWriterClaim(FLOW_WRITER *w)
{
    if (!flow_here(w->handle, w->process, w->pid) || FLOW_LOAD(&w->lane->end) != w->taken) {
        FlowWriterRefuse(w);
        return NULL;
    }
    if (w->claimed == NULL) {
        uint64_t number = w->tail + 1;
        w->claimed = flow_slot(w->data, w->depth, w->stride, number);
        __atomic_store_n(&w->claimed->seq, 2 * number - 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE); /* the number is odd before the first byte changes */
    }
    return w->claimed + 1;
}

/* FlowWriterCommit makes the first n values of what was claimed the newest message. ERROR_INVALID_PARAMETER: there
 * is no claim, or it has not so many. */
static inline BOOL FlowWriterCommit(FLOW_WRITER *w, SIZE_T n)
{
    if (w->claimed == NULL || n > w->most) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    uint64_t number = w->tail + 1;
    __atomic_store_n(&w->claimed->bytes, (uint32_t)(n * w->size), __ATOMIC_RELAXED);
    FLOW_STORE(&w->claimed->seq, 2 * number);
    w->claimed = NULL;
    w->tail = number;
    __atomic_store_n(&w->lane->tail, number, __ATOMIC_SEQ_CST);
    flow_ring(w->bell, w->silent);
    return TRUE;
}

/* FlowWriterWrite makes n values the newest message. */
static inline BOOL FlowWriterWrite(FLOW_WRITER *w, const void *values, SIZE_T n)
{
    if (n > w->most) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    void *claim = FlowWriterClaim(w);
    if (claim == NULL)
        return FALSE;
    if (n != 0)
        memcpy(claim, values, n * w->size);
    return FlowWriterCommit(w, n);
}

/* Reading. */

enum { FLOW_ABSENT, FLOW_THERE, FLOW_TOO_LONG, FLOW_SPOILED };

/* flow_length is how many values a slot's message has, as long as it is this one. */
static inline int flow_length(FLOW_READER *r, struct flow_slot *slot, uint64_t number, uint64_t *values)
{
    if (FLOW_LOAD(&slot->seq) != 2 * number)
        return FLOW_ABSENT;
    *values = flow_divide(__atomic_load_n(&slot->bytes, __ATOMIC_RELAXED), r->inverse, r->shift);
    return *values <= r->most ? FLOW_THERE : FLOW_SPOILED;
}

/* flow_whole reports that a slot has had this message all the time. */
static inline BOOL flow_whole(struct flow_slot *slot, uint64_t number)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the look is behind all that was read */
    return __atomic_load_n(&slot->seq, __ATOMIC_RELAXED) == 2 * number;
}

/* flow_read copies a message if it is there, and stays. Nothing is decided by what was read before that is known. */
static inline int flow_read(FLOW_READER *r, uint64_t number, void *to, SIZE_T room, SIZE_T *n)
{
    struct flow_slot *slot = flow_slot(r->data, r->depth, r->stride, number);
    uint64_t values = 0;
    int is = flow_length(r, slot, number, &values);
    if (is == FLOW_ABSENT)
        return is;
    if (is == FLOW_THERE && values != 0 && values <= room)
        memcpy(to, slot + 1, values * r->size);
    if (!flow_whole(slot, number))
        return FLOW_ABSENT;
    if (is == FLOW_SPOILED) {
        SetLastError(ERROR_FILE_CORRUPT);
        return is;
    }
    *n = values;
    if (values > room) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FLOW_TOO_LONG;
    }
    return is;
}

/* flow_take is the next message if there is one. What was written over is added to *lost. */
static inline int flow_take(FLOW_READER *r, void *to, SIZE_T room, SIZE_T *n, ULONGLONG *lost)
{
    for (int round = 0; round < FLOW_ROUNDS; round++) {
        int is = flow_read(r, r->next, to, room, n);
        if (is != FLOW_ABSENT) {
            if (is == FLOW_THERE || is == FLOW_SPOILED)
                r->next++;
            return is;
        }
        uint64_t tail = FLOW_LOAD(&r->lane->tail);
        /* The writer may be at the message behind the tail, in the slot of the one that is depth older. */
        uint64_t oldest = tail >= r->depth ? tail - r->depth + 2 : 1;
        if (tail >= FLOW_MOST_POSITION) {
            SetLastError(ERROR_FILE_CORRUPT);
            return FLOW_SPOILED;
        }
        if (r->next > tail)
            return FLOW_ABSENT;
        if (r->next < oldest) {
            *lost += oldest - r->next;
            r->next = oldest;
        }
    }
    SetLastError(ERROR_BUSY);
    return FLOW_TOO_LONG;
}

/* FlowReaderNext copies the message behind the last one that was returned: at most room values, *n of them. *lost is
 * how many before it were written over; both may have been set when the call fails. It waits for one. A new reader
 * begins with the oldest that is kept. Where the buffer is too small *n says how many values there are. */
static inline BOOL FlowReaderNext(FLOW_READER *r, void *to, SIZE_T room, SIZE_T *n, ULONGLONG *lost, DWORD milliseconds)
{
    *lost = 0;
    for (int round = 0; round < FLOW_ROUNDS; round++) {
        if (flow_here(r->handle, r->process, r->pid)) {
            int is = flow_take(r, to, room, n, lost);
            if (is != FLOW_ABSENT)
                return is == FLOW_THERE;
            uint64_t end = FLOW_LOAD(&r->lane->end);
            if (milliseconds == 0 && (end & FLOW_CLOSED) == 0 && ++r->empty % FLOW_PATIENCE != 0) {
                SetLastError(ERROR_TIMEOUT);
                return FALSE;
            }
        }
        if (!FlowReaderAwait(r, milliseconds))
            return FALSE;
    }
    SetLastError(ERROR_BUSY);
    return FALSE;
}

/* flow_newest is the number of the newest message that is known to be there. A message can be read before the tail
 * says so, and when its writer dies just then that lasts: the numbers that one reader sees do not fall. */
static inline uint64_t flow_newest(FLOW_READER *r)
{
    uint64_t tail = FLOW_LOAD(&r->lane->tail);
    return tail >= r->next ? tail : r->next - 1;
}

/* FlowReaderLatest copies the newest message; *number counts all that were ever written, and is 0 when there is none
 * yet. FlowReaderNext goes on behind it. It never waits. */
static inline BOOL FlowReaderLatest(FLOW_READER *r, void *to, SIZE_T room, SIZE_T *n, ULONGLONG *number)
{
    *n = 0;
    if (!flow_here(r->handle, r->process, r->pid)) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    for (int round = 0; round < FLOW_ROUNDS; round++) {
        uint64_t newest = *number = flow_newest(r);
        if (newest == 0)
            return TRUE;
        if (newest >= FLOW_MOST_POSITION) {
            SetLastError(ERROR_FILE_CORRUPT);
            return FALSE;
        }
        int is = flow_read(r, newest, to, room, n);
        if (is == FLOW_THERE)
            r->next = newest + 1;
        if (is != FLOW_ABSENT)
            return is == FLOW_THERE;
    }
    SetLastError(ERROR_BUSY);
    return FALSE;
}

/* FlowReaderLook is the newest message in place, or NULL when there is none to be had now. The writer may write over
 * it at any moment: what was read counts only if FlowReaderWhole, asked afterwards with the same number, says TRUE. */
static inline const void *FlowReaderLook(FLOW_READER *r, SIZE_T *n, ULONGLONG *number)
{
    uint64_t values = 0;
    *number = 0;
    if (!flow_here(r->handle, r->process, r->pid)) {
        SetLastError(ERROR_INVALID_HANDLE);
        return NULL;
    }
    uint64_t newest = flow_newest(r);
    if (newest == 0 || newest >= FLOW_MOST_POSITION) {
        SetLastError(newest == 0 ? ERROR_TIMEOUT : ERROR_FILE_CORRUPT);
        return NULL;
    }
    struct flow_slot *slot = flow_slot(r->data, r->depth, r->stride, newest);
    if (flow_length(r, slot, newest, &values) != FLOW_THERE) {
        SetLastError(ERROR_BUSY);
        return NULL;
    }
    *number = newest;
    *n = values;
    return slot + 1;
}

static inline BOOL FlowReaderWhole(FLOW_READER *r, ULONGLONG number)
{
    return number != 0 && flow_here(r->handle, r->process, r->pid) &&
           flow_whole(flow_slot(r->data, r->depth, r->stride, number), number);
}

#ifdef __cplusplus
}

/* flow_code is what describes a member's type. A pointer, a bool or a long double has none, and does not compile. */
template <class M, bool is_enum = std::is_enum<M>::value> struct flow_code {
    static_assert(std::is_arithmetic<M>::value && !std::is_same<M, bool>::value && sizeof(M) <= 8,
                  "values in shared memory are numbers: no pointers, bools or long doubles; a struct takes FLOW_S");
    static constexpr uint32_t width = sizeof(M) == 1 ? 0 : sizeof(M) == 2 ? 1 : sizeof(M) == 4 ? 2 : 3;
    static constexpr uint32_t value = std::is_floating_point<M>::value                       ? FLOW_F32 + width - 2
                                      : std::is_signed<M>::value && !std::is_same<M, char>::value ? FLOW_I8 + width
                                                                                             : FLOW_U8 + width;
};
template <class M> struct flow_code<M, true> : flow_code<typename std::underlying_type<M>::type> {};
template <class M, size_t N> struct flow_code<M[N], false> {
    static constexpr uint32_t value = flow_code<M>::value | FLOW_ARRAY;
};

/* The same for a struct that has a description of its own. */
template <class M, class T> struct flow_nested {
    static_assert(std::is_same<M, T>::value, "the field is not of the type that was described");
    static constexpr uint32_t value = FLOW_NESTED;
};
template <class M, size_t N, class T> struct flow_nested<M[N], T> {
    static constexpr uint32_t value = flow_nested<M, T>::value | FLOW_ARRAY;
};

#define FLOW_MEMBER(T, f) (static_cast<T *>(nullptr)->f)
#define FLOW_TYPE_OF_MEMBER(T, f) decltype(static_cast<T *>(nullptr)->f)
#define FLOW_CODE_OF(T, f) (flow_code<FLOW_TYPE_OF_MEMBER(T, f)>::value)
#define FLOW_CODE_OF_ROW(T, f) (flow_code<std::remove_extent<FLOW_TYPE_OF_MEMBER(T, f)>::type>::value)
#define FLOW_CODE_OF_VALUE(T) (flow_code<T>::value)
#define FLOW_CODE_OF_NESTED(T, f, name) (flow_nested<FLOW_TYPE_OF_MEMBER(T, f), name##_of>::value)
#define FLOW_ALIGNMENT(T) alignof(T)
#define FLOW_ASSERT(condition, text) static_assert(condition, text)
#else
#define FLOW_MEMBER(T, f) (((T *)0)->f)
/* An address that is of no type in the list does not compile: that of a pointer, a bool or a long double. An array
 * of so many of a type is told from a single one. */
#define FLOW_GENERIC_1(type, code, bytes, width) \
    type *: (code), type(*)[((bytes) + (width) - 1) / (width)] : (code) | FLOW_ARRAY
#define FLOW_GENERIC(p, bytes) \
    _Generic((p), FLOW_GENERIC_1(char, FLOW_U8, bytes, 1), FLOW_GENERIC_1(unsigned char, FLOW_U8, bytes, 1), \
             FLOW_GENERIC_1(signed char, FLOW_I8, bytes, 1), FLOW_GENERIC_1(unsigned short, FLOW_U16, bytes, 2), \
             FLOW_GENERIC_1(short, FLOW_I16, bytes, 2), FLOW_GENERIC_1(unsigned int, FLOW_U32, bytes, 4), \
             FLOW_GENERIC_1(int, FLOW_I32, bytes, 4), FLOW_GENERIC_1(unsigned long, FLOW_U64, bytes, 8), \
             FLOW_GENERIC_1(long, FLOW_I64, bytes, 8), FLOW_GENERIC_1(unsigned long long, FLOW_U64, bytes, 8), \
             FLOW_GENERIC_1(long long, FLOW_I64, bytes, 8), FLOW_GENERIC_1(float, FLOW_F32, bytes, 4), \
             FLOW_GENERIC_1(double, FLOW_F64, bytes, 8))
#define FLOW_CODE_OF(T, f) FLOW_GENERIC(&FLOW_MEMBER(T, f), sizeof FLOW_MEMBER(T, f))
#define FLOW_CODE_OF_ROW(T, f) FLOW_GENERIC(&FLOW_MEMBER(T, f)[0], sizeof FLOW_MEMBER(T, f)[0])
#define FLOW_CODE_OF_VALUE(T) FLOW_GENERIC((T *)0, sizeof(T))
#define FLOW_CODE_OF_NESTED(T, f, name) \
    _Generic(&FLOW_MEMBER(T, f), name##_of *: FLOW_NESTED, \
             name##_of(*)[(sizeof FLOW_MEMBER(T, f) + sizeof(name##_of) - 1) / sizeof(name##_of)] \
             : FLOW_NESTED | FLOW_ARRAY)
#define FLOW_ALIGNMENT(T) _Alignof(T)
#define FLOW_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* FLOW_F describes a field of a struct: a number, or an array of them. FLOW_F2 describes an array of arrays, and
 * FLOW_S one of a struct that has a description, or an array of it. Fields are described in their order, and all of
 * them: what is left out is padding, as is a field whose name begins with an underscore. Names count in lower case
 * and without underscores, so that flag_bits here is FlagBits in Go. char is uint8_t. */
#define FLOW_F(T, f) { #f, FLOW_CODE_OF(T, f), offsetof(T, f), sizeof FLOW_MEMBER(T, f), 0, NULL }
#define FLOW_F2(T, f) \
    { #f, FLOW_CODE_OF_ROW(T, f), offsetof(T, f), sizeof FLOW_MEMBER(T, f), sizeof FLOW_MEMBER(T, f)[0], NULL }
#define FLOW_S(T, f, name) { #f, FLOW_CODE_OF_NESTED(T, f, name), offsetof(T, f), sizeof FLOW_MEMBER(T, f), 0, &name }

/* FLOW_STRUCT(name, T, FLOW_F(T, a), ...) defines name, the FLOW_TYPE of a struct; FLOW_VALUE(name, T) that of a
 * number or an array of them: FLOW_VALUE(text, char) is the type of a ring of lines. */
#define FLOW_STRUCT(name, T, ...) \
    FLOW_ASSERT(FLOW_ALIGNMENT(T) <= 8, "values lie at multiples of 8 bytes"); \
    typedef T name##_of; \
    static const FLOW_FIELD name##_fields[] = { __VA_ARGS__ }; \
    static const FLOW_TYPE name = { name##_fields, sizeof name##_fields / sizeof *name##_fields, sizeof(T), \
                                    FLOW_ALIGNMENT(T) }
#define FLOW_VALUE(name, T) \
    FLOW_ASSERT(FLOW_ALIGNMENT(T) <= 8, "values lie at multiples of 8 bytes"); \
    static const FLOW_FIELD name##_fields[] = { { "", FLOW_CODE_OF_VALUE(T), 0, sizeof(T), 0, NULL } }; \
    static const FLOW_TYPE name = { name##_fields, 0, sizeof(T), FLOW_ALIGNMENT(T) }

#endif
