//! HTTP/2, with trailers: they come after the verdict and change nothing about it. gRPC gets its answer in its own form.

use std::net::SocketAddr;

use h2::client;
use http::{HeaderMap, HeaderValue, Request};
use tokio::net::TcpStream;

use crate::edge::cases::VOTE;
use crate::edge::{assert_passes, assert_refused};
use crate::harness::http::Response;
use crate::harness::world::World;

#[test]
fn a_good_coin_passes_with_body_and_trailers() {
    let world = World::start();
    let coin = world.coin().header();
    assert_passes("HTTP/2", &world, "coin_gate_accepted", 202, || {
        post(world.envoy.address, &[("authorization", &coin)], &[("x-checksum", "1")])
    });
    assert_eq!(world.api.votes("counted"), 1);
}

#[test]
fn a_coin_in_the_trailers_does_not_count() {
    let world = World::start();
    let coin = world.coin().header();
    assert_refused("HTTP/2", &world, 401, "coin-missing", || {
        post(world.envoy.address, &[], &[("authorization", &coin)])
    });
}

/// Envoy joins the lines into one, with a comma.
#[test]
fn a_second_coin_is_refused() {
    let world = World::start();
    let (first, second) = (world.coin().header(), world.coin().header());
    assert_refused("HTTP/2", &world, 400, "coin-list", || {
        post(
            world.envoy.address,
            &[("authorization", &first), ("authorization", &second)],
            &[],
        )
    });
}

#[test]
fn a_forged_coin_is_refused_before_its_body() {
    let world = World::start();
    let coin = world.coin().header().replace(".2.", ".3.");
    assert_refused("HTTP/2", &world, 403, "coin-bad-signature", || {
        post(world.envoy.address, &[("authorization", &coin)], &[("x-checksum", "1")])
    });
}

#[test]
fn grpc_gets_a_grpc_status() {
    let world = World::start();
    let response = post(world.envoy.address, &[("content-type", "application/grpc")], &[]);
    assert_eq!(
        (response.status, response.header("grpc-status")),
        (200, Some("16")),
        "{response:?}"
    );
    assert_eq!(world.api.requests(), 0);
}

/// Sends a vote in two frames, then trailers.
fn post(address: SocketAddr, headers: &[(&'static str, &str)], trailers: &[(&'static str, &str)]) -> Response {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::post("http://hashicoin.test/v1/votes");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = sender.ready().await.unwrap();
        let (response, mut body) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        let trailers: HeaderMap = trailers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        // A refused stream may be closed before all of it is sent; the answer tells.
        let _ = body.send_data(VOTE[..5].into(), false);
        let _ = body.send_data(VOTE[5..].into(), false);
        let _ = body.send_trailers(trailers);
        let response = response.await.unwrap();
        let status = response.status().as_u16();
        let (head, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = stream.data().await {
            body.extend_from_slice(&chunk.unwrap());
        }
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let response = Response {
            status,
            headers: headers.collect(),
            body,
        };
        drop(sender);
        connection.abort();
        response
    })
}
