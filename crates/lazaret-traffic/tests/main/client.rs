//! Asking other servers, the hostile ones too.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{Method, StatusCode};
use lazaret_core::{Hint, Limits};
use lazaret_input::MemorySource;
use lazaret_traffic::net::client::{Call, Client, MAX_PAGE, Waits};
use lazaret_traffic::net::sent::Sent;
use lazaret_traffic::net::trouble::Trouble;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers every request by what it makes of its head; gives its port.
async fn server(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                if let Some(text) = answer(&String::from_utf8(head).unwrap()) {
                    return stream.write_all(text.as_bytes()).await;
                }
                tokio::time::sleep(Duration::from_mins(1)).await;
                Ok(())
            });
        }
    });
    port
}

fn client(private: &[&str]) -> Client {
    let waits = Waits { connect: Duration::from_millis(500), read: Duration::from_millis(300) };
    Client::new(None, private.iter().map(|host| (*host).to_owned()), waits, Limits::default()).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn to(base: &Url, on_to: &[&str]) -> Upstream {
    Upstream::new(base.clone(), on_to.iter().map(|host| (*host).to_owned()), "hub.hosts")
}

async fn page(
    client: &Client,
    base: &Url,
    on_to: &[&str],
    secret: Option<&'static str>,
) -> Result<String, Trouble> {
    let call = Call::new(Method::GET, base.clone()).with(AUTHORIZATION, secret.map(HeaderValue::from_static));
    let answer = client.follow(&to(base, on_to), call).await?;
    Ok(String::from_utf8(answer.page(MAX_PAGE.with(1000)).await?).unwrap())
}

/// A server that speaks TLS with the certificate of the tests; gives its port.
async fn tls_server() -> u16 {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring::default_provider;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor =
        tokio_rustls::TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                stream.write_all(ok("over TLS").as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    port
}

#[tokio::test]
async fn tls_believes_the_authorities_that_are_named_and_nobody_else() {
    let port = tls_server().await;
    let waits = Waits { connect: Duration::from_secs(2), read: Duration::from_secs(2) };
    let private = ["localhost".to_owned(), "127.0.0.1".to_owned(), "127.0.0.2".to_owned()];
    let ca = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/ca.pem");
    let ours = Client::new(Some(&ca), private.clone(), waits, Limits::default()).unwrap();
    let systems = Client::new(None, private, waits, Limits::default()).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let at = url(&format!("https://{host}:{port}/"));
        assert_eq!(page(&ours, &at, &[], None).await.unwrap(), "over TLS");
        let error = page(&systems, &at, &[], None).await.unwrap_err().line();
        assert!(error.contains("UnknownIssuer"), "{error}");
    }
    let no_file = Client::new(Some(Path::new("none.pem")), [], waits, Limits::default()).err().unwrap();
    assert!(no_file.to_string().contains("could not be read"));
    let key = ca.with_file_name("server.key.pem");
    let none = Client::new(Some(&key), [], waits, Limits::default()).err().unwrap().to_string();
    assert!(none.contains("there is no certificate authority"), "{none}");
}

#[tokio::test]
async fn a_server_that_sends_a_byte_at_a_time_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = url(&format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n").await?;
        loop {
            stream.write_all(b"x").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        #[expect(unreachable_code, reason = "says the type of the loop's errors")]
        Ok::<(), std::io::Error>(())
    });
    let client = client(&["127.0.0.1"]);
    let given = tokio::time::timeout(Duration::from_secs(10), page(&client, &at, &[], None));
    let told = given.await.expect("it is waited for for ever").unwrap_err().line();
    assert!(told.contains("traffic.max_seconds_per_mib"), "{told}");
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_name_that_leads_into_the_house_is_asked_only_where_it_is_named() {
    let port = server(|_| Some(ok("inside"))).await;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let asked = url(&format!("http://{host}:{port}/"));
        let error = page(&client(&["other.example"]), &asked, &[], None).await.unwrap_err();
        assert!(matches!(error, Trouble::Private { .. }), "{host}: {error}");
        assert_eq!(error.status(), StatusCode::FORBIDDEN);
        assert!(error.line().contains("gates.models.private_hosts"));
    }
    let asked = url(&format!("http://127.0.0.1:{port}/"));
    assert_eq!(page(&client(&["127.0.0.1"]), &asked, &[], None).await.unwrap(), "inside");
}

#[tokio::test]
async fn redirects_lead_to_listed_hosts_and_secrets_stay_with_the_server_they_are_for() {
    let cdn = server(|head| {
        Some(ok(if head.to_lowercase().contains("authorization") { "told" } else { "not told" }))
    })
    .await;
    let hub = server(move |head| {
        let to = match head.split(' ').nth(1)? {
            "/here" => "/own?x#y".to_owned(),
            "/own?x" => {
                return Some(ok(if head.contains("Bearer s") || head.contains("bearer s") {
                    "told"
                } else {
                    "not told"
                }));
            }
            "/elsewhere" => format!("http://127.0.0.1:{cdn}/file?signature=secret"),
            _ => "/round".to_owned(),
        };
        Some(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
    })
    .await;
    let client = client(&["127.0.0.1"]);
    let at = |path: &str| url(&format!("http://127.0.0.1:{hub}{path}"));
    let secret = Some("bearer s");
    assert_eq!(page(&client, &at("/here"), &[], secret).await.unwrap(), "told");
    let listed = format!("127.0.0.1:{cdn}");
    assert_eq!(page(&client, &at("/elsewhere"), &[&listed], secret).await.unwrap(), "not told");
    let error = page(&client, &at("/elsewhere"), &["cdn.example"], secret).await.unwrap_err();
    assert!(error.line().contains("`hub.hosts`") && !error.line().contains("secret"), "{}", error.line());
    let round = page(&client, &at("/round"), &[], secret).await.unwrap_err();
    assert!(round.line().contains("traffic.max_redirects"), "{}", round.line());
    // One that leads elsewhere can also be the answer, for what its headers say.
    let stayed = client.stay(&to(&at("/"), &[]), Call::new(Method::HEAD, at("/elsewhere"))).await.unwrap();
    assert_eq!(stayed.response.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn servers_that_misbehave_are_given_up() {
    let port = server(|head| {
        Some(match head.split(' ').nth(1)? {
            "/silent" => return None,
            "/stalls" => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_owned(),
            "/long" => ok(&"x".repeat(1001)),
            "/unannounced" => format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001)),
            "/packed" => "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/heads" => format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
            _ => "SSH-2.0\r\n".to_owned(),
        })
    })
    .await;
    let client = client(&["127.0.0.1"]);
    for (path, why) in [
        ("/silent", "did not answer in time"),
        ("/stalls", "broke off"),
        ("/long", "traffic.max_page"),
        ("/unannounced", "traffic.max_page"),
        ("/packed", "sends encoded"),
        ("/heads", "traffic.max_headers"),
        ("/other", "broke off"),
    ] {
        let asked = url(&format!("http://127.0.0.1:{port}{path}"));
        let error = page(&client, &asked, &[], None).await.map_err(|trouble| trouble.line());
        let error = error.expect_err(path);
        assert!(error.contains(why), "{path}: {error}");
    }
    let nobody = page(&client, &url("http://127.0.0.1:1/"), &[], None).await.unwrap_err();
    assert!(nobody.line().contains("could not be reached"), "{}", nobody.line());
    let plain = url(&format!("https://127.0.0.1:{port}/"));
    assert!(page(&client, &plain, &[], None).await.unwrap_err().line().contains("did not answer in time"));
}

/// A server that reads a body bit by bit, up to a length, and then answers if that was all.
async fn slow_reader(reads: usize, body: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut block, mut read) = (vec![0; body / 16], 0);
        while read < reads {
            tokio::time::sleep(Duration::from_millis(50)).await;
            read += stream.read(&mut block).await.unwrap();
        }
        if read >= body {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
    });
    port
}

#[tokio::test]
async fn a_long_file_may_take_its_time_while_more_of_it_goes() {
    let body = 32 << 20; // more than the system takes in advance
    let client = client(&["127.0.0.1"]);
    for (reads, goes) in [(body, true), (body / 4, false)] {
        let base = url(&format!("http://127.0.0.1:{}/", slow_reader(reads, body).await));
        let file = MemorySource::new(vec![7; body], Hint::default());
        let sent = Sent::File(Arc::new(file), body as u64);
        let call = Call { body: sent, ..Call::new(Method::PUT, base.clone()) };
        let answered = client.stay(&to(&base, &[]), call).await.map(|answer| answer.response.status());
        match answered {
            Ok(status) => assert!(goes && status == StatusCode::OK),
            Err(trouble) => assert!(!goes && trouble.line().contains("did not answer in time"), "{trouble}"),
        }
    }
}
