//! A gRPC service with each of the four kinds of calls.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use std::{future, thread};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

mod code {
    #![allow(rust_2018_idioms, clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/teahouse.Teahouse.rs"));
}
pub use code::teahouse_client::TeahouseClient;
pub use code::teahouse_server::{Teahouse, TeahouseServer};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub tea: String,
    #[prost(uint32, tag = "2")]
    pub cups: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Cup {
    #[prost(string, tag = "1")]
    pub tea: String,
    #[prost(uint32, tag = "2")]
    pub number: u32,
    /// Which thread has made it.
    #[prost(string, tag = "3")]
    pub thread: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Coin {
    #[prost(uint64, tag = "1")]
    pub value: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Receipt {
    #[prost(uint64, tag = "1")]
    pub sum: u64,
    #[prost(uint64, tag = "2")]
    pub coins: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Word {
    #[prost(bytes = "vec", tag = "1")]
    pub said: Vec<u8>,
}

/// The server.
#[derive(Clone)]
pub struct House {
    /// Gets a permit for each `brew` without end that is dropped.
    pub dropped: Arc<Semaphore>,
    /// What `refill` gives out, cup by cup.
    pub tea: Arc<Semaphore>,
}

impl House {
    pub fn new() -> House {
        House { dropped: Arc::new(Semaphore::new(0)), tea: Arc::new(Semaphore::new(0)) }
    }
}

impl Default for House {
    fn default() -> House {
        House::new()
    }
}

fn cup(tea: &str, number: u32) -> Cup {
    Cup { tea: tea.into(), number, thread: format!("{:?}", thread::current().id()) }
}

/// Adds a permit when it is dropped.
struct Counted(Arc<Semaphore>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

#[tonic::async_trait]
impl Teahouse for House {
    async fn brew(&self, request: Request<Order>) -> Result<Response<Cup>, Status> {
        match request.get_ref().tea.as_str() {
            "coffee" => Err(Status::invalid_argument("this is a teahouse")),
            "pu'er of a hundred years" => {
                let _counted = Counted(self.dropped.clone());
                future::pending().await
            }
            tea => Ok(Response::new(cup(tea, 1))),
        }
    }

    type RefillStream = BoxStream<'static, Result<Cup, Status>>;

    async fn refill(&self, request: Request<Order>) -> Result<Response<Self::RefillStream>, Status> {
        let Order { tea, cups } = request.into_inner();
        let counted = Counted(self.dropped.clone());
        let pot = self.tea.clone();
        let cups = stream::iter(1..=cups).then(move |number| {
            let (tea, pot, _) = (tea.clone(), pot.clone(), &counted);
            async move {
                pot.acquire().await.map_err(|_| Status::resource_exhausted("no tea"))?.forget();
                Ok(cup(&tea, number))
            }
        });
        Ok(Response::new(cups.boxed()))
    }

    async fn pay(&self, request: Request<Streaming<Coin>>) -> Result<Response<Receipt>, Status> {
        let nothing = Receipt { sum: 0, coins: 0 };
        let add = async |Receipt { sum, coins }: Receipt, Coin { value }| {
            Ok(Receipt { sum: sum + value, coins: coins + 1 })
        };
        Ok(Response::new(request.into_inner().try_fold(nothing, add).await?))
    }

    type TalkStream = BoxStream<'static, Result<Word, Status>>;

    /// Says each word backwards.
    async fn talk(&self, request: Request<Streaming<Word>>) -> Result<Response<Self::TalkStream>, Status> {
        let backwards = request.into_inner().map_ok(|Word { mut said }| {
            said.reverse();
            Word { said }
        });
        Ok(Response::new(backwards.boxed()))
    }
}
