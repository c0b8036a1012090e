// Two processes that look at one shared word until it is their turn: the floor of everything that spins. With
// PAUSE defined they pause between two looks, where the processor knows how, so that the looks hold up the store less.
#include "pingpong.h"
#include <stdatomic.h>

static atomic_uint *word; // odd: pong's turn
static unsigned turn;

static void prepare(const char *name)
{
	(void)name;
	word = (atomic_uint *)shared(4096);
}

static void enter(int side, const char *name)
{
	(void)side, (void)name;
}

static void until(unsigned value)
{
	while (atomic_load(word) != value) {
#if defined PAUSE && defined __x86_64__
		__builtin_ia32_pause();
#elif defined PAUSE && defined __aarch64__
		__asm__ volatile("yield");
#endif
	}
}

static void ping(void)
{
	atomic_store(word, ++turn);
	until(++turn);
}

static void pong(void)
{
	until(++turn);
	atomic_store(word, ++turn);
}
