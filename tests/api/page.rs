//! The page's files and what a browser is told about them.

use super::server::Server;
use crate::harness::artifacts::source;

#[test]
fn the_page_is_served_as_it_is_in_the_repository() {
    let server = Server::start(&[]);
    for (path, file, content_type) in [
        ("/", "web/index.html", "text/html; charset=utf-8"),
        ("/app.js", "web/app.js", "text/javascript; charset=utf-8"),
        ("/style.css", "web/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some(content_type))
        );
        assert_eq!(
            answer.body,
            std::fs::read(source(file)).unwrap(),
            "{path}: rebuild hashicoin-api"
        );

        // A browser asks each time, and is told when it has the file already.
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let etag = answer.header("etag").unwrap();
        for known in [etag.to_owned(), format!("\"other\", {etag}"), format!("W/{etag}")] {
            let again = server.send("GET", path, &[("if-none-match", &known)], "");
            assert_eq!((again.status, again.header("etag")), (304, Some(etag)), "{known}");
        }
        assert_eq!(
            server.send("GET", path, &[("if-none-match", "\"other\"")], "").status,
            200
        );
    }
}

#[test]
fn every_answer_forbids_what_this_site_never_does() {
    let server = Server::start(&[]);
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1/tally"),
        ("GET", "/nowhere"),
        ("POST", "/v1/votes"),
        ("GET", "/healthz"),
    ] {
        let answer = server.send(method, path, &[], "");
        let policy = answer.header("content-security-policy").unwrap();
        let directives: Vec<&str> = policy.split("; ").collect();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(directives.contains(&directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}
