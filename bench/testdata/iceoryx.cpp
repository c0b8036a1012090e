// iceoryx: a publisher and a subscriber on each side. With POLLING defined a side looks for the token again and again,
// without it a side sleeps in a wait set.
#include "pingpong.h"
#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/publisher.hpp"
#include "iceoryx_posh/popo/subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include <cstdint>
#include <string>

using iox::capro::IdString_t;

static iox::popo::Publisher<uint64_t> *publisher;
static iox::popo::Subscriber<uint64_t> *subscriber;
static iox::popo::WaitSet<1> *arrivals;

static void prepare(const char *)
{
}

static iox::capro::ServiceDescription direction(const char *name, bool there)
{
	return {"namedshm-bench", IdString_t(iox::cxx::TruncateToCapacity, name), there ? IdString_t("there") : IdString_t("back")};
}

static void enter(int side, const char *name)
{
	iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
	std::string process = std::string(name) + (side == PING ? "-ping" : "-pong");
	iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, process));
	publisher = new iox::popo::Publisher<uint64_t>(direction(name, side == PING));
	subscriber = new iox::popo::Subscriber<uint64_t>(direction(name, side == PONG));
	arrivals = new iox::popo::WaitSet<1>;
	check(!arrivals->attachState(*subscriber, iox::popo::SubscriberState::HAS_DATA).has_error(), "attachState");
	while (!publisher->hasSubscribers() || subscriber->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
		usleep(1000);
}

static void send()
{
	auto sample = publisher->loan(1);
	check(!sample.has_error(), "loan");
	sample.value().publish();
}

static void receive()
{
	for (;;) {
#ifndef POLLING
		arrivals->wait();
#endif
		if (!subscriber->take().has_error())
			return;
	}
}

static void ping()
{
	send();
	receive();
}

static void pong()
{
	receive();
	send();
}
