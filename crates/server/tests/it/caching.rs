//! Tags, compression and headers.

use axum::http::{Method, StatusCode, header};

use crate::support::{RECORDING, Server, fixture, of_run, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_answer_is_not_sent_again() {
    let server = Server::with_recordings().await;
    for address in
        ["/api/v1/runs", "/api/v1/facets", &of_run(RECORDING, "/metrics"), "/", "/api/v1/openapi.json"]
    {
        let plain = server.get(address).await;
        let etag = plain.header(header::ETAG).to_owned();
        assert!(
            etag.starts_with('"') && plain.header(header::CACHE_CONTROL).contains("no-cache"),
            "{address}"
        );

        let gzip = server.ask(Method::GET, address, &[(header::ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(gzip.header(header::CONTENT_ENCODING), "gzip", "{address}");
        assert!(gzip.body.len() < plain.body.len());
        assert!(gzip.header(header::VARY).contains("accept-encoding"));
        // Other bytes have another strong tag.
        let gzip_etag = gzip.header(header::ETAG).to_owned();
        assert_ne!(gzip_etag, etag);

        for known in [&etag, &gzip_etag, &format!("W/{etag}"), &format!("\"other\", {etag}")] {
            let again = server.ask(Method::GET, address, &[(header::IF_NONE_MATCH, known)]).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{address} {known}");
            assert!(again.body.is_empty());
            assert_eq!(again.header(header::ETAG), etag);
        }
        let other = server.ask(Method::GET, address, &[(header::IF_NONE_MATCH, "\"other\"")]).await;
        assert_eq!((other.status, other.body), (StatusCode::OK, plain.body.clone()));

        let head = server.ask(Method::HEAD, address, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header(header::ETAG), etag, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_table_changes_the_tag() {
    let server = Server::empty().await;
    let before = server.get("/api/v1/runs").await;
    server.append(read(&fixture("smoltrace_run_two_gpus"))).await;
    let after = server
        .ask(Method::GET, "/api/v1/runs", &[(header::IF_NONE_MATCH, before.header(header::ETAG))])
        .await;
    assert_eq!(after.status, StatusCode::OK);
    assert_ne!(after.header(header::ETAG), before.header(header::ETAG));
    assert_eq!(after.json()["total"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_guarded() {
    let server = Server::empty().await;
    for address in ["/", "/api/v1/runs", "/api/v1/runs/missing", "/healthz", "/nothing.js"] {
        let answer = server.get(address).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{address}"
        );
        assert!(!policy.contains("script-src"), "scripts have the default");
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(answer.header(header::REFERRER_POLICY), "no-referrer");
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY");
    }
}
