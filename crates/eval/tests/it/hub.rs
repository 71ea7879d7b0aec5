//! Datasets of the Hub: what is read of them, and what is not.

use serde_json::json;
use smoltrace_eval::hub::{Dataset, DatasetRef, HubError, HubErrorKind, HubOptions, dataset};

use crate::support::hub::{Asked, COMMIT, Hub, REPO, Reply, Site, TOKEN, answered, refused};

const ROWS: &[u8] = b"{\"id\": \"a\", \"prompt\": \"p\"}\n";
const MORE: &[u8] = b"{\"id\": \"b\", \"prompt\": \"q\"}\n";

async fn read(options: HubOptions, reference: &str, split: &str) -> Result<Dataset, HubError> {
    dataset(options, &DatasetRef::parse(reference).expect("a reference"), split).await
}

fn paths(dataset: &Dataset) -> Vec<&str> {
    dataset.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn references_name_a_dataset_a_revision_and_a_part() {
    let check = |text: &str, repo: &str, revision: Option<&str>, path: Option<&str>| {
        let found = DatasetRef::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!(
            (found.repo.as_str(), found.revision.as_deref(), found.path.as_deref()),
            (repo, revision, path)
        );
    };
    check("hf://o/n", "o/n", None, None);
    check("hf://o/n/", "o/n", None, None);
    check("hf://datasets/o/n@v1.0", "o/n", Some("v1.0"), None);
    check("hf://o/n@abc/data/t.csv", "o/n", Some("abc"), Some("data/t.csv"));
    check("hf://o/n/data", "o/n", None, Some("data"));
    check("hf://o/n@refs/pr/12/t.csv", "o/n", Some("refs/pr/12"), Some("t.csv"));
    check("hf://o/n@refs/convert/parquet", "o/n", Some("refs/convert/parquet"), None);
    let refused = |text: &str| {
        assert!(DatasetRef::parse(text).is_err(), "{text}");
    };
    for text in [
        "o/n",
        "hf://",
        "hf://o",
        "hf://o/",
        "hf://../n",
        "hf://o/..",
        "hf://o/n@",
        "hf://o/n@..",
        "hf://o/n@a b",
        "hf://o/n@main/../../x",
        "hf://o/n/a//b",
        "hf://o/n/a\\b",
        "hf://o/n/a\nb",
        "hf://o/n@%2e%2e",
        "hf://o?x/n",
        "hf://models/o/n",
        "hf://o/n#x@y",
    ] {
        refused(text);
    }
    let pinned = DatasetRef::parse("hf://o/n@v1/test").expect("a reference");
    assert_eq!(pinned.to_string(), "hf://o/n@v1/test");
    assert!(pinned.clone().with_revision("v1").is_ok());
    assert!(pinned.with_revision("v2").is_err());
}

#[tokio::test]
async fn a_branch_becomes_a_commit_and_all_files_are_read_at_it() {
    let files: &[(&str, &[u8])] = &[
        ("README.md", b"---\nlicense: mit\n---\n"),
        ("data/test-00000-of-00001.jsonl", MORE),
        ("data/train-00000-of-00002.jsonl", ROWS),
        ("data/train-00001-of-00002.jsonl", MORE),
        ("a folder/of its own.jsonl", ROWS),
    ];
    let hub = Hub::with(files, &["data/train-00001-of-00002.jsonl"]).await;
    let mut options = hub.site.options();
    options.token = Some(TOKEN.into());
    let set = read(options.clone(), &format!("hf://{REPO}"), "train").await.expect("read");
    assert_eq!((set.revision.as_str(), set.commit.as_str()), ("main", COMMIT));
    assert_eq!(set.pinned.to_string(), format!("hf://{REPO}@{COMMIT}"));
    assert_eq!(paths(&set), ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"]);
    assert_eq!(set.files[1].bytes, MORE);
    // The token went to the Hub with every request, and nowhere else.
    let bearer = format!("Bearer {TOKEN}");
    assert!(hub.site.asked().iter().all(|asked| asked.authorization.as_deref() == Some(&bearer)));
    let stored = hub.store.asked();
    assert_eq!(stored.len(), 1);
    assert!(stored[0].authorization.is_none(), "{stored:?}");
    // After the branch was looked up, it is not asked for again.
    assert!(hub.site.asked()[1..].iter().all(|asked| !asked.path.contains("main")));

    let again = read(options.clone(), &set.pinned.to_string(), "train").await.expect("read");
    assert_eq!((again.files, again.pinned), (set.files, set.pinned));
    let check = async |reference: &str, split: &str, expected: &[&str], pinned: &str| {
        let set = read(options.clone(), &format!("hf://{REPO}{reference}"), split).await.expect("read");
        assert_eq!(paths(&set), expected, "{reference}");
        assert_eq!(set.pinned.to_string(), format!("hf://{REPO}@{COMMIT}{pinned}"));
    };
    check("@refs/pr/1", "test", &["data/test-00000-of-00001.jsonl"], "/test").await;
    check("@main/test", "train", &["data/test-00000-of-00001.jsonl"], "/test").await;
    let own = "a folder/of its own.jsonl";
    check(&format!("@main/{own}"), "train", &[own], &format!("/{own}")).await;
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_told() {
    let hub = Hub::with(&[("train.jsonl", ROWS)], &[]).await;
    let check = async |options: HubOptions, reference: &str, kind: HubErrorKind, words: &str| {
        let error = read(options, reference, "train").await.expect_err(reference);
        assert_eq!(error.kind, kind, "{error}");
        let said = error.to_string();
        assert!(said.starts_with(reference) && said.contains(words), "{said}");
        assert!(!said.contains(TOKEN) && !said.contains("signature"), "{said}");
    };
    let open = hub.site.options();
    let known = HubOptions { token: Some(TOKEN.into()), ..open.clone() };
    check(open.clone(), "hf://our-org/other", HubErrorKind::NoDataset, "needs a token in HF_TOKEN").await;
    check(known, "hf://our-org/other", HubErrorKind::NoDataset, "gives no access to it").await;
    check(open.clone(), &format!("hf://{REPO}@v9"), HubErrorKind::NoRevision, "no such revision").await;
    let other = "f".repeat(40);
    check(open.clone(), &format!("hf://{REPO}@{other}"), HubErrorKind::NoRevision, "no such revision").await;
    check(open.clone(), &format!("hf://{REPO}@main/a/b.csv"), HubErrorKind::NoFiles, "no `a/b.csv`").await;
    check(open.clone(), &format!("hf://{REPO}@main/test"), HubErrorKind::NoFiles, "no split `test`").await;
    let small = HubOptions { most_bytes: 20, ..open.clone() };
    check(small, &format!("hf://{REPO}"), HubErrorKind::TooLarge, "more than 1 MiB").await;
    let nowhere = HubOptions { endpoint: "http://127.0.0.1:1".into(), ..open.clone() };
    check(nowhere, &format!("hf://{REPO}"), HubErrorKind::Unreachable, "127.0.0.1 cannot be reached").await;
    let no_url = HubOptions { endpoint: "ftp://example.com".into(), ..open };
    check(no_url, &format!("hf://{REPO}"), HubErrorKind::Unreachable, "no http(s) URL").await;
}

/// A Hub that answers its API as it should, but for what `wrong` answers instead.
async fn askew(wrong: impl Fn(&Asked, usize) -> Option<Reply> + Send + Sync + 'static) -> Site {
    Site::start(move |asked, number| {
        let tree = json!([{"type": "file", "path": "train.jsonl", "size": ROWS.len(), "oid": "f0"}]);
        wrong(asked, number).unwrap_or_else(|| match asked.path.as_str() {
            path if path.contains("/revision/") => answered(json!({"sha": COMMIT})),
            path if path.contains("/tree/") => answered(tree),
            _ => (200, Vec::new(), ROWS.to_vec()),
        })
    })
    .await
}

#[tokio::test]
async fn a_hub_that_misbehaves_ends_as_an_error() {
    let on = |part: &'static str, reply: Reply| {
        move |asked: &Asked, _: usize| asked.path.contains(part).then(|| reply.clone())
    };
    let check = async |site: Site, kind: HubErrorKind, words: &str| {
        let options = HubOptions { token: Some(TOKEN.into()), ..site.options() };
        let error = read(options, "hf://o/n", "train").await.expect_err(words);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains(TOKEN), "{error}");
        site.asked().len()
    };
    let tree = |entries: serde_json::Value| answered(entries);
    let file = |path: &str, size: u64| json!([{"type": "file", "path": path, "size": size, "oid": "f0"}]);

    let token = refused(401, "", "Invalid credentials in Authorization header");
    check(askew(on("/revision/", token)).await, HubErrorKind::Refused, "does not accept the token").await;
    let gated = refused(403, "GatedRepo", "Access to dataset o/n is restricted");
    check(askew(on("/resolve/", gated)).await, HubErrorKind::Refused, "/datasets/o/n").await;
    let broken = refused(500, "", "broken");
    let asked = check(askew(on("/revision/", broken)).await, HubErrorKind::Unreachable, "answered 500").await;
    assert_eq!(asked, 3, "repeated twice");
    check(
        askew(on("/revision/", answered(json!({"sha": "main"})))).await,
        HubErrorKind::Nonsense,
        "no commit",
    )
    .await;
    check(askew(on("/revision/", answered(json!([])))).await, HubErrorKind::Nonsense, "not as the Hub's API")
        .await;
    check(askew(on("/tree/", answered(json!({"error": 1})))).await, HubErrorKind::Nonsense, "not as").await;
    check(askew(on("/tree/", tree(json!([])))).await, HubErrorKind::NoFiles, "no file with rows").await;

    // Names that lead elsewhere: nothing is asked for by them.
    for name in [
        "../../../api/whoami-v2",
        "/etc/passwd",
        "a/../../b.jsonl",
        "a\\..\\b.jsonl",
        "a//b.jsonl",
        "./a.jsonl",
    ] {
        let asked =
            check(askew(on("/tree/", tree(file(name, 9)))).await, HubErrorKind::UnsafeName, "no path within")
                .await;
        assert_eq!(asked, 2, "{name}");
    }
    // More than was allowed, by its announcement, by its length, by its list.
    check(askew(on("/tree/", tree(file("train.jsonl", 2 << 20)))).await, HubErrorKind::TooLarge, "1 MiB")
        .await;
    let long = (200, Vec::new(), vec![b' '; (1 << 20) + 1]);
    check(askew(on("/resolve/", long)).await, HubErrorKind::TooLarge, "larger than 1 MiB").await;
    let many: Vec<_> =
        (0..20_001).map(|n| json!({"type": "file", "path": format!("{n}.csv"), "size": 1})).collect();
    check(askew(on("/tree/", tree(many.into()))).await, HubErrorKind::TooLarge, "20000 files").await;
    let endless = |asked: &Asked, number: usize| {
        let (status, _, body) = answered(json!([]));
        let next = format!("</api/datasets/o/n/tree/x?cursor={number}>; rel=\"next\"");
        asked.path.contains("/tree/").then(|| (status, vec![("link", next)], body))
    };
    check(askew(endless).await, HubErrorKind::TooLarge, "20000 files").await;
    // Not what was announced.
    check(
        askew(on("/resolve/", (200, Vec::new(), MORE[1..].to_vec()))).await,
        HubErrorKind::Nonsense,
        "bytes, and",
    )
    .await;
    let summed =
        json!([{"type": "file", "path": "train.jsonl", "size": ROWS.len(), "lfs": {"oid": "0".repeat(64)}}]);
    check(askew(on("/tree/", tree(summed))).await, HubErrorKind::Nonsense, "its checksum").await;
    // Redirects.
    let to = |to: &str| (302, vec![("location", to.to_owned())], Vec::new());
    check(askew(on("/resolve/", to("file:///etc/passwd"))).await, HubErrorKind::Unreachable, "neither http")
        .await;
    check(
        askew(on("/resolve/", to("http://a:b@127.0.0.1/"))).await,
        HubErrorKind::Unreachable,
        "a user name",
    )
    .await;
    let asked =
        check(askew(on("/resolve/", to("/resolve/again"))).await, HubErrorKind::Unreachable, "5 redirects")
            .await;
    assert_eq!(asked, 2 + 6);
}

#[tokio::test]
async fn what_passes_is_asked_for_again() {
    let site = askew(|asked: &Asked, number| {
        (asked.path.contains("/revision/") && number < 2).then(|| refused(503, "", "busy"))
    })
    .await;
    let set = read(site.options(), "hf://o/n", "train").await.expect("read in the end");
    assert_eq!(set.files[0].bytes, ROWS);
}
