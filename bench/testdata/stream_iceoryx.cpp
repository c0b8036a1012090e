// iceoryx: a publisher that waits for its subscriber, which polls. Messages are made and used in place.
#include "stream.h"
#include "iceoryx_hoofs/log/logmanager.hpp"
#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"
#include <string>

using iox::capro::IdString_t;

static iox::popo::UntypedPublisher *publisher;
static iox::popo::UntypedSubscriber *subscriber;

static void prepare(const char *)
{
	sizes();
}

static void enter(int side, const char *name)
{
	auto &logs = iox::log::LogManager::GetLogManager();
	logs.SetDefaultLogLevel(iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
	std::string process = std::string(name) + (side == RECEIVER ? "-receiver" : "-sender");
	iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, process));
	iox::capro::ServiceDescription service{"namedshm-bench", IdString_t(iox::cxx::TruncateToCapacity, name), "stream"};
	if (side == RECEIVER) {
		iox::popo::SubscriberOptions options;
		options.queueCapacity = size > 1 << 14 ? 8 : 256;
		options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
		subscriber = new iox::popo::UntypedSubscriber(service, options);
		while (subscriber->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
			usleep(1000);
	} else {
		iox::popo::PublisherOptions options;
		options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
		publisher = new iox::popo::UntypedPublisher(service, options);
		while (!publisher->hasSubscribers())
			usleep(1000);
	}
}

static void send_all(long count)
{
	for (long i = 0; i < count; i++) {
		auto place = publisher->loan(size);
		check(!place.has_error(), "loan");
		make(place.value(), i);
		publisher->publish(place.value());
	}
}

static void receive_all(long count)
{
	while (count > 0) {
		auto message = subscriber->take();
		if (message.has_error())
			continue;
		use(message.value());
		subscriber->release(message.value());
		count--;
	}
}
