// Boost.Interprocess's condition with its mutex, one for each direction.
#include "pingpong.h"
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <new>

using namespace boost::interprocess;

class event {
	interprocess_mutex mutex;
	interprocess_condition condition;
	bool signaled = false;

public:
	void set()
	{
		{
			scoped_lock<interprocess_mutex> lock(mutex);
			signaled = true;
		}
		condition.notify_one();
	}

	void wait()
	{
		scoped_lock<interprocess_mutex> lock(mutex);
		while (!signaled)
			condition.wait(lock);
		signaled = false;
	}
};

struct pair {
	alignas(64) event there;
	alignas(64) event back;
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
	both->there.set();
	both->back.wait();
}

static void pong()
{
	both->there.wait();
	both->back.set();
}
