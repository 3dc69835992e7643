//! HTTP/2 in the clear, by prior knowledge (RFC 9113, section 3.3): a sidecar may speak it.

use std::net::SocketAddr;

use h2::client;
use http::Request;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::server::Server;
use crate::harness::mint::Mint;

#[test]
fn a_vote_is_counted_over_http_2() {
    let server = Server::start(&[]);
    let coin = Mint::new().coins("coin", 1).remove(0);
    assert_eq!(vote(server.address, &coin.header()), 202);
    assert_eq!(server.tally()["votes"], 1);
}

/// Casts a vote for clean water; gives the status.
pub fn vote(address: SocketAddr, coin: &str) -> u16 {
    Runtime::new().unwrap().block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, connection) = client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let request = Request::post(format!("http://{address}/v1/votes"))
            .header("authorization", coin)
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(r#"{"weights":{"clean-water":1}}"#.into(), true).unwrap();
        let status = answer.await.unwrap().status().as_u16();
        connection.abort();
        status
    })
}
