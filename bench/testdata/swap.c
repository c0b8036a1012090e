// Two words, each set by one compare-and-swap and taken by another: what two auto-reset events take at least, since a
// word that several may set and several may take cannot be changed by a plain store.
#include "pingpong.h"
#include <stdatomic.h>
#include <stdint.h>

static struct {
	_Alignas(128) _Atomic uint64_t there;
	_Alignas(128) _Atomic uint64_t back;
} *words;

static const uint64_t signaled = (uint64_t)1 << 32; // below it counts a number that goes up with every change

static void prepare(const char *name)
{
	(void)name;
	words = shared(4096);
}

static void enter(int side, const char *name)
{
	(void)side, (void)name;
}

static void set(_Atomic uint64_t *word)
{
	uint64_t old = atomic_load(word);
	check(atomic_compare_exchange_strong(word, &old, old + signaled + 1), "the token is lost");
}

static void await(_Atomic uint64_t *word)
{
	uint64_t old;
	while ((old = atomic_load(word)) < signaled)
		;
	check(atomic_compare_exchange_strong(word, &old, old - signaled + 1), "somebody else took the token");
}

static void ping(void)
{
	set(&words->there);
	await(&words->back);
}

static void pong(void)
{
	await(&words->there);
	set(&words->back);
}
