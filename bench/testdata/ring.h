// A ring for one sender and one receiver, as good as its writer could make it: positions 128 bytes apart, each side keeps
// what it has seen of the other's and looks again only when that is used up, and the receiver says what it has read when
// the ring runs empty or an eighth of it is read. Messages are made and used in place, and have their length before them,
// as flow's. Who finds nothing pauses and looks again, for ever; nobody finds out that the other side has died.
//
// A commit is a full fence, as in every ring that wakes sleepers: it must not look for one before others can see the
// message. Claim and commit are functions, as in a library. With BARE defined neither is so: the commit is a plain store,
// and the compiler has all of it in one loop, with nothing stored beside the messages.
#ifndef RING_H
#define RING_H

#include "sides.h"
#include <stdatomic.h>
#include <stdint.h>

#ifdef BARE
#define FUNCTION static inline
#define ORDER memory_order_release
#else
#define FUNCTION static __attribute__((noinline))
#define ORDER memory_order_seq_cst
#endif

struct ring {
	_Alignas(128) _Atomic uint64_t tail;
	_Alignas(128) _Atomic uint64_t head;
	_Alignas(4096) char data[];
};

// sender is what its sender knows: what it has said, where the next message goes, and how far there is room.
struct sender {
	struct ring *ring;
	uint64_t capacity, tail, next, limit;
};

// receiver is what its receiver knows: where it reads, how far there is something, and what it has said.
struct receiver {
	struct ring *ring;
	uint64_t capacity, position, seen, told;
};

static const uint64_t padding = 1ull << 63;

static inline void pause_a_little(void)
{
#if defined __x86_64__
	__builtin_ia32_pause();
#elif defined __aarch64__
	__asm__ volatile("yield");
#endif
}

// make_ring makes a ring for messages of this size. capacity is a power of two.
static void make_ring(size_t size, struct sender *s, struct receiver *r)
{
	uint64_t capacity = 1 << 20;
	while (capacity < 4 * size)
		capacity *= 2;
	s->ring = r->ring = (struct ring *)shared(sizeof(struct ring) + capacity);
	s->capacity = r->capacity = s->limit = capacity;
}

FUNCTION void commit(struct sender *s)
{
	s->tail = s->next;
	atomic_store_explicit(&s->ring->tail, s->tail, ORDER);
}

FUNCTION void *claim(struct sender *s, uint64_t bytes)
{
	uint64_t room = 8 + ((bytes + 7) & ~7ull), at = s->next & (s->capacity - 1), from = s->next;
	if (s->capacity - at < room)
		from += s->capacity - at;
	if (from + room > s->limit) {
		commit(s);
		do {
			pause_a_little();
			s->limit = atomic_load_explicit(&s->ring->head, memory_order_acquire) + s->capacity;
		} while (from + room > s->limit);
	}
	if (from != s->next) {
		*(uint64_t *)(s->ring->data + at) = padding | (s->capacity - at - 8);
		at = 0;
	}
	*(uint64_t *)(s->ring->data + at) = bytes;
	s->next = from + room;
	return s->ring->data + at + 8;
}

static inline void tell(struct receiver *r)
{
	r->told = r->position;
	atomic_store_explicit(&r->ring->head, r->told, memory_order_release);
}

// next_message waits for a message and returns its place and its length.
static inline void *next_message(struct receiver *r, uint64_t *bytes)
{
	if (r->seen == r->position) {
		if (r->told != r->position)
			tell(r);
		while (r->seen = atomic_load_explicit(&r->ring->tail, memory_order_acquire), r->seen == r->position)
			pause_a_little();
	}
	*bytes = *(uint64_t *)(r->ring->data + (r->position & (r->capacity - 1)));
	if (*bytes & padding) {
		r->position += 8 + (*bytes & ~padding);
		*bytes = *(uint64_t *)r->ring->data;
	}
	return r->ring->data + (r->position & (r->capacity - 1)) + 8;
}

// done says that a message of so many bytes is done with.
static inline void done(struct receiver *r, uint64_t bytes)
{
	r->position += 8 + ((bytes + 7) & ~7ull);
	if (r->position - r->told >= r->capacity / 8)
		tell(r);
}

#endif
