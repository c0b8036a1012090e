// Boost.Interprocess's semaphore, one for each direction.
#include "pingpong.h"
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <new>

using boost::interprocess::interprocess_semaphore;

struct pair {
	alignas(64) interprocess_semaphore there{0};
	alignas(64) interprocess_semaphore back{0};
};

static pair *both;

static void prepare(const char *)
{
	both = new (shared(sizeof(pair))) pair;
}

static void enter(int, const char *)
{
}

static void ping()
{
	both->there.post();
	both->back.wait();
}

static void pong()
{
	both->there.wait();
	both->back.post();
}
