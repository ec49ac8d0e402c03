//! Buckets that are watched: a store that speaks the protocol of S3 and checks who asks.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cli::{Place, root};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Serves S3 with keys that it checks, and puts what it is told line by line: `KEY FILE`.
const STORE: &str = r#"
import json, os, sys
os.environ.update(AWS_ACCESS_KEY_ID="root", AWS_SECRET_ACCESS_KEY="root", AWS_DEFAULT_REGION="eu-west-3", INITIAL_NO_AUTH_ACTION_COUNT="3")
import boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://%s:%s" % server.get_host_and_port()
iam = boto3.client("iam", endpoint_url=address)
iam.create_user(UserName="lazaret")
key = iam.create_access_key(UserName="lazaret")["AccessKey"]
allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="lazaret", PolicyName="s3", PolicyDocument=json.dumps(allow))
s3 = boto3.client("s3", endpoint_url=address, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
print(address, key["AccessKeyId"], key["SecretAccessKey"], flush=True)
for line in sys.stdin:
    name, _, file = line.rstrip("\n").partition("\t")
    s3.put_object(Bucket="models", Key=name, Body=open(file, "rb").read() if file else b"")
    print("put", flush=True)
"#;

/// A store, and how to ask it.
struct Store {
    serving: Running,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
    settings: Vec<(&'static str, String)>,
}

impl Store {
    /// None where its Python is not installed, which a pipeline never is.
    fn start() -> Option<Self> {
        let Some(python) = std::env::var_os("LAZARET_S3") else {
            assert!(std::env::var_os("CI").is_none(), "LAZARET_S3 names a Python with moto");
            return None;
        };
        let mut serving = Command::new(python);
        serving.args(["-c", STORE]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut serving = Running(serving.spawn().unwrap());
        let mut said = BufReader::new(serving.0.stdout.take().unwrap()).lines();
        let line = said.next().expect("the store says where it is").unwrap();
        let [address, key, secret] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let settings = vec![
            ("AWS_ENDPOINT_URL", address.to_owned()),
            ("AWS_ACCESS_KEY_ID", key.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_REGION", "eu-west-3".to_owned()),
        ];
        Some(Self { serving, said, settings })
    }

    fn put(&mut self, name: &str, file: Option<&str>) {
        use std::io::Write as _;
        let file = file.map(|file| root().join("testdata/docs").join(file).display().to_string());
        let stdin = self.serving.0.stdin.as_mut().unwrap();
        writeln!(stdin, "{name}\t{}", file.unwrap_or_default()).unwrap();
        assert_eq!(self.said.next().unwrap().unwrap(), "put");
    }

    /// What `models watch --once` says of each model, how it ends, and what stands on the terminal.
    fn watch(
        &self,
        place: &Place,
        change: &[(&'static str, &str)],
        words: &[&str],
    ) -> (i32, Vec<Value>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.current_dir(place.0.path()).args(["models", "watch", "--once", "--json"]).args(words);
        command.envs(self.settings.iter().map(|(key, value)| (*key, value.as_str())));
        let output = command.envs(change.iter().copied()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code().unwrap(), lines, String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn what_lies_in_a_bucket_passes_once_and_what_changes_passes_again() {
    let Some(mut store) = Store::start() else { return };
    let place = Place::new();
    for (name, file) in [
        ("incoming/chest/weights/a b+c=é~(1).pkl", Some("scaler.pkl")),
        ("incoming/chest/scaler.pkl", Some("scaler.pkl")),
        // What consoles make for a folder.
        ("incoming/", None),
        ("incoming/chest/", None),
        ("incoming/.coming/model.pkl", Some("model.pkl")),
        ("incoming/single.pkl", Some("scaler.pkl")),
        ("elsewhere/model.pkl", Some("model.pkl")),
    ] {
        store.put(name, file);
    }
    let watch = ["s3://models/incoming", "--under", "x-ray", "--mode", "enforce"];
    let (code, said, told) = store.watch(&place, &[], &watch);
    assert_eq!((code, said.len()), (0, 2), "{said:?} {told}");
    assert_eq!(
        (&said[0]["path"], &said[1]["path"]),
        (&Value::from("s3://models/incoming/chest"), &Value::from("s3://models/incoming/single.pkl"),)
    );
    let mut names: Vec<&str> =
        said[0]["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["scaler.pkl", "weights/a b+c=é~(1).pkl"]);
    let (code, said, _) = store.watch(&place, &[], &watch);
    assert!(code == 0 && said.iter().all(|said| said["passed_before"].is_string()), "{said:?}");
    // Another takes its place, and is held.
    store.put("incoming/single.pkl", Some("model.pkl"));
    let (code, said, _) = store.watch(&place, &[], &watch);
    assert!(
        code == 1 && said[0]["passed_before"].is_string() && said[1]["files"][0]["held"] == true,
        "{said:?}"
    );
    place.clear(&["ledger", "verify"]);
}

#[test]
fn who_may_not_ask_is_told_why_and_no_name_of_an_object() {
    let Some(mut store) = Store::start() else { return };
    let place = Place::new();
    store.put("incoming/jane.pkl", Some("scaler.pkl"));
    let wrong = [("AWS_SECRET_ACCESS_KEY", "wrong")];
    for (change, address, why) in [
        (
            &wrong[..],
            "s3://models/incoming",
            "403 (SignatureDoesNotMatch); who asks is told by the environment",
        ),
        (&[], "s3://other/incoming", "404 (NoSuchBucket)"),
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")],
            "s3://models/incoming",
            "127.0.0.1 could not be reached",
        ),
    ] {
        let (code, said, told) = store.watch(&place, change, &[address]);
        assert!(code == 3 && said.is_empty() && told.contains(why), "{said:?} {told}");
        assert!(!told.contains("jane") && !told.contains("wrong"), "{told}");
    }
    for (address, why) in [("s3://", "no address of a bucket"), ("s3://models?x=y", "no address of a bucket")]
    {
        let (code, _, told) = store.watch(&place, &[], &[address]);
        assert!(code == 2 && told.contains(why), "{told}");
    }
}

#[test]
fn long_objects_of_buckets_with_versions_pass_and_names_are_asked_for_as_they_stand() {
    let Some(mut store) = Store::start() else { return };
    let place = Place::new();
    // Longer than any page that is held in memory.
    let long = place.0.path().join("long.bin");
    std::fs::write(&long, vec![7; 40 << 20]).unwrap();
    store.put("incoming/long.bin", long.to_str());
    store.put("incoming/x[1].pkl", Some("scaler.pkl"));
    // What stands for a folder is one whatever comes next by name.
    store.put("incoming/chest/", None);
    store.put("incoming/chest/in-2/scaler.pkl", Some("scaler.pkl"));
    store.put("incoming/chest/in/", None);
    store.put("incoming/chest/in/scaler.pkl", Some("scaler.pkl"));
    let (code, said, told) = store.watch(&place, &[], &["s3://models/incoming", "--mode", "observe"]);
    assert_eq!((code, said.len()), (2, 3), "{said:?} {told}");
    let mut names: Vec<&str> =
        said[0]["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["in-2/scaler.pkl", "in/scaler.pkl"]);
    assert_eq!(said[1]["files"][0]["path"], "long.bin", "{said:?}");
    assert!(said[2]["not_passed"].as_str().unwrap().contains("no name of a model"), "{said:?}");
}

#[test]
fn what_lets_somebody_in_is_never_shown() {
    let place = Place::new();
    place.write("other.toml", "");
    place.write("lazaret.toml", "[gates.models.watch]\nvendor = 'az://c/p?sv=1&sig=SECRET'\n");
    for (words, endpoint) in [
        (&["models", "watch", "az://c/p?sv=1&sig=SECRET", "--once"][..], ""),
        (&["models", "watch", "s3://me:SECRET@models", "--once"], ""),
        (&["models", "watch", "s3://models", "--once"], "https://me:SECRET@minio.hospital.example"),
        (&["serve", "--no-console"], ""),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.current_dir(place.0.path()).args(words).env("AWS_ENDPOINT_URL", endpoint);
        if words[0] == "models" {
            command.args(["--config", "other.toml"]);
        }
        let output = command.output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(output.status.code() == Some(2) && !told.contains("SECRET"), "{told}");
    }
}
