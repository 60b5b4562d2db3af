//! tonic's server and its clients, in the same runtime.

use futures_util::{StreamExt, future, stream};
use rpc::{Coin, House, Order, Receipt, TeahouseClient, TeahouseServer, Word};
use std::net::SocketAddr;
use std::time::Duration;
use support::{NONE, alone, has_one_thread, threads};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Error, Server};
use tonic::{Code, Request};

/// A server that runs.
struct Running {
    address: SocketAddr,
    end: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn start(house: &House, address: &str) -> Running {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, told) = oneshot::channel();
        let router = Server::builder()
            .http2_keepalive_interval(Some(Duration::from_millis(20)))
            .add_service(TeahouseServer::new(house.clone()));
        let incoming = TcpListenerStream::new(listener);
        let told = async { told.await.unwrap_or_default() };
        let ended = tokio::spawn(router.serve_with_incoming_shutdown(incoming, told));
        Running { address, end, ended }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    async fn client(&self) -> TeahouseClient<Channel> {
        TeahouseClient::new(self.endpoint().connect().await.unwrap())
    }

    /// Ends it in order.
    async fn stop(self) -> SocketAddr {
        self.end.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
        self.address
    }
}

fn order(tea: &str, cups: u32) -> Order {
    Order { tea: tea.into(), cups }
}

#[test]
fn a_thousand_calls_on_one_channel_are_answered_by_the_runtime_that_calls() {
    alone(async || {
        let server = Running::start(&House::new(), "127.0.0.1:0").await;
        let client = server.client().await;
        let here = format!("{:?}", std::thread::current().id());
        let call = async |n| {
            let cup = client.clone().brew(order(&format!("tea {n}"), 1)).await.unwrap().into_inner();
            assert_eq!(cup.tea, format!("tea {n}"));
            assert!(cup.thread == here || !has_one_thread());
        };
        stream::iter(0..1_000).for_each_concurrent(100, call).await;
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn what_a_handler_refuses_and_what_takes_too_long_are_told_by_their_codes() {
    alone(async || {
        let house = House::new();
        let server = Running::start(&house, "127.0.0.1:0").await;
        let mut client = server.client().await;
        let refused = client.brew(order("coffee", 1)).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "this is a teahouse"));
        // The limit is sent along, and both sides keep it.
        let mut request = Request::new(order("pu'er of a hundred years", 1));
        request.set_timeout(Duration::from_millis(50));
        let late = client.brew(request).await.unwrap_err();
        assert!(matches!(late.code(), Code::Cancelled | Code::DeadlineExceeded), "{late:?}");
        house.dropped.acquire().await.unwrap().forget();
        assert_eq!(client.brew(order("green", 1)).await.unwrap().get_ref().tea, "green");
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_stream_of_answers_comes_one_by_one_and_ends_with_its_client() {
    alone(async || {
        let house = House::new();
        let server = Running::start(&house, "127.0.0.1:0").await;
        let mut client = server.client().await;
        let mut cups = client.refill(order("oolong", 3)).await.unwrap().into_inner();
        for number in 1..=3 {
            house.tea.add_permits(1);
            assert_eq!(cups.message().await.unwrap().unwrap().number, number);
        }
        assert_eq!(cups.message().await.unwrap(), None);
        house.dropped.acquire().await.unwrap().forget();
        // This one is given up in mid stream.
        let mut cups = client.refill(order("oolong", 1_000)).await.unwrap().into_inner();
        house.tea.add_permits(1);
        assert_eq!(cups.message().await.unwrap().unwrap().number, 1);
        drop(cups);
        house.dropped.acquire().await.unwrap().forget();
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn ten_thousand_messages_go_up_and_both_ways() {
    alone(async || {
        let server = Running::start(&House::new(), "127.0.0.1:0").await;
        let mut client = server.client().await;
        let coins = stream::iter((1..=10_000).map(|value| Coin { value }));
        let receipt = client.pay(coins).await.unwrap().into_inner();
        assert_eq!(receipt, Receipt { sum: 50_005_000, coins: 10_000 });

        let (say, said) = mpsc::channel::<Word>(1);
        let words = tokio_stream::wrappers::ReceiverStream::new(said);
        let mut answers = client.talk(words).await.unwrap().into_inner();
        // Each question waits for the answer to the one before, some of a size that needs many frames.
        for n in 0..1_000_u32 {
            let said = n.to_le_bytes().repeat(if n % 100 == 99 { 1 << 16 } else { 1 });
            let backwards = said.iter().rev().copied().collect::<Vec<u8>>();
            say.send(Word { said }).await.unwrap();
            assert!(answers.message().await.unwrap().unwrap().said == backwards);
        }
        drop(say);
        assert_eq!(answers.message().await.unwrap(), None);
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_channel_connects_again_when_the_server_is_back() {
    alone(async || {
        let house = House::new();
        let server = Running::start(&house, "127.0.0.1:0").await;
        let mut client = TeahouseClient::new(server.endpoint().connect_lazy());
        let refill = async |_| client.clone().refill(order("jasmine", 1)).await;
        let pot = future::join_all((0..10).map(refill));
        let pot = pot.await;
        // What has begun is finished before the server ends.
        let finish = async {
            house.tea.add_permits(10);
            for cups in pot {
                let cups: Vec<_> = cups.unwrap().into_inner().collect().await;
                assert_eq!(cups.len(), 1);
            }
        };
        let (address, ()) = future::join(server.stop(), finish).await;
        assert_eq!(client.brew(order("black", 1)).await.unwrap_err().code(), Code::Unavailable);
        let server = Running::start(&house, &address.to_string()).await;
        assert_eq!(client.brew(order("white", 1)).await.unwrap().get_ref().tea, "white");
        assert_eq!(threads(), NONE);
        drop(client);
        server.stop().await;
    });
}
