//! Keys, tokens and passwords in configurations, and command lines.

use lazaret_core::Severity;
use lazaret_input::json::Node;

use super::{path_of, walk};
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// A shape that a service gives its tokens: what they begin with, what follows, how many of it at least.
struct Shape {
    service: &'static str,
    prefix: &'static str,
    least: usize,
    alphabet: fn(u8) -> bool,
}

const fn shape(service: &'static str, prefix: &'static str, least: usize, alphabet: fn(u8) -> bool) -> Shape {
    Shape { service, prefix, least, alphabet }
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn letters(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const SHAPES: &[Shape] = &[
    shape("AWS access key", "AKIA", 16, upper),
    shape("AWS access key", "ASIA", 16, upper),
    shape("GitHub token", "ghp_", 36, letters),
    shape("GitHub token", "gho_", 36, letters),
    shape("GitHub token", "ghs_", 36, letters),
    shape("GitHub token", "ghu_", 36, letters),
    shape("GitHub token", "github_pat_", 40, word),
    shape("GitLab token", "glpat-", 20, word),
    shape("Hugging Face token", "hf_", 34, letters),
    shape("OpenAI or Anthropic key", "sk-", 32, word),
    shape("Stripe key", "sk_live_", 24, letters),
    shape("Slack token", "xoxb-", 20, word),
    shape("Slack token", "xoxp-", 20, word),
    shape("Google API key", "AIza", 35, word),
    shape("npm token", "npm_", 36, letters),
    shape("PyPI token", "pypi-AgE", 40, word),
    shape("SendGrid key", "SG.", 22, word),
    shape("DigitalOcean token", "dop_v1_", 64, letters),
    shape("Databricks token", "dapi", 32, |byte| byte.is_ascii_hexdigit()),
];

/// Names of keys that hold a secret; compared in lower case, without `_` and `-`.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "apikey",
    "secretkey",
    "accesskey",
    "secretaccesskey",
    "awssecretaccesskey",
    "awsaccesskeyid",
    "accesstoken",
    "authtoken",
    "apitoken",
    "bearertoken",
    "refreshtoken",
    "privatekey",
    "clientsecret",
    "hftoken",
    "hfapitoken",
    "hfhubtoken",
    "githubtoken",
    "openaiapikey",
    "anthropicapikey",
    "wandbapikey",
    "dbpassword",
    "databasepassword",
    "connectionstring",
    "encryptionkey",
    "authorization",
    "credential",
    "credentials",
    "apisecret",
    "sshkey",
    "slacktoken",
    "awssecretkey",
    "useauthtoken",
];

/// Programs that a command line begins with.
const PROGRAMS: &[&str] = &[
    "rm",
    "curl",
    "wget",
    "bash",
    "sh",
    "zsh",
    "powershell",
    "pwsh",
    "cmd",
    "cmd.exe",
    "nc",
    "ncat",
    "netcat",
    "python",
    "python3",
    "perl",
    "ruby",
    "php",
    "chmod",
    "chown",
    "dd",
    "mkfs",
    "sudo",
    "eval",
    "exec",
    "nohup",
    "socat",
    "ssh",
    "scp",
    "crontab",
    "certutil",
    "base64",
    "osascript",
    "bitsadmin",
    "mshta",
    "regsvr32",
    "rundll32",
    "tftp",
    "telnet",
    "kill",
    "killall",
    "shutdown",
    "reboot",
    "iptables",
    "useradd",
    "pip",
    "pip3",
    "npm",
    "docker",
    "kubectl",
];

/// Judges one text of a document.
pub(super) fn judge(node: Node<'_, '_>, text: &str, part: &Part, looking: &mut Looking<'_>) {
    if text.len() < 8 {
        return;
    }
    if let Some(service) = known_shape(text) {
        let message = format!("it has the shape of a secret: {service}");
        looking.find_as(Severity::High, &rules::CONFIG_SECRET, part.inner(&path_of(node)), message);
        return;
    }
    let Some(key) = walk::names(&node).next() else { return };
    let key = key.to_ascii_lowercase();
    let plain: String = key.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).collect();
    if NAMES.contains(&plain.as_str()) && is_secret(text) {
        let message = "its key says that it is a secret, and its value looks like one";
        looking.find(&rules::CONFIG_SECRET, part.inner(&path_of(node)), message);
    }
    // What developers of a package of Python type into their tools' settings nothing runs that deploys it.
    if part.file_name() == "pyproject.toml" && walk::names(&node).last() == Some("tool") {
        return;
    }
    let words = key.split(|c: char| !c.is_ascii_alphanumeric());
    let commands =
        ["command", "cmd", "script", "exec", "hook", "shell", "entrypoint", "run", "install", "postinstall"];
    if words.into_iter().any(|word| commands.contains(&word))
        && let Some(program) = command(text)
    {
        let message = format!("it holds a command line of a shell: `{} …`", printed(program));
        looking.find(&rules::CONFIG_COMMAND, part.inner(&path_of(node)), message);
    }
}

/// The service whose token stands in a text.
fn known_shape(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    for shape in SHAPES {
        for (place, _) in text.match_indices(shape.prefix) {
            let before = place.checked_sub(1).and_then(|at| bytes.get(at));
            if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                continue;
            }
            let tail = bytes.get(place.saturating_add(shape.prefix.len())..).unwrap_or_default();
            let body = tail.iter().take(4_096).take_while(|byte| (shape.alphabet)(**byte)).count();
            let body_is = tail.get(..body).unwrap_or_default();
            let ends = !shape.service.starts_with("AWS") || body == shape.least;
            // Words with dashes between are names of models and files.
            let digits = body_is.iter().any(u8::is_ascii_digit);
            // The keys of the services' own manuals.
            let sample = body_is.windows(7).any(|window| window.eq_ignore_ascii_case(b"example"));
            if body >= shape.least && !sample && ends && (digits || shape.service.starts_with("AWS")) {
                return Some(shape.service);
            }
        }
    }
    let private_key = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----");
    if private_key {
        return Some("private key");
    }
    let parts: Vec<&str> = text.trim().splitn(4, '.').collect();
    if let [head, body, signature] = parts.as_slice()
        && head.starts_with("eyJ")
        && body.starts_with("eyJ")
        && signature.len() >= 20
        && [head, body, signature].iter().all(|part| part.bytes().all(word))
    {
        return Some("JSON web token");
    }
    // `scheme://user:password@host`
    if let Some((scheme, rest)) = text.split_once("://")
        && scheme.len() <= 24
        && let Some((login, _)) = rest.split('/').next().unwrap_or_default().rsplit_once('@')
        && let Some((user, password)) = login.split_once(':')
        && !user.contains(char::is_whitespace)
        && password.len() >= 4
        && !is_placeholder(password)
    {
        return Some("password in an address");
    }
    None
}

fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let begins = [
        "your",
        "<",
        "${",
        "{{",
        "$",
        "%",
        "xxx",
        "***",
        "...",
        "env:",
        "env_",
        "os.environ",
        "null",
        "none",
    ];
    let holds =
        ["example", "placeholder", "changeme", "change_me", "redacted", "insert", "dummy", "todo", "not_set"];
    begins.iter().any(|word| lower.starts_with(word)) || holds.iter().any(|word| lower.contains(word))
}

/// A value that is a secret where its key says so: one word of mixed characters, and no placeholder.
fn is_secret(text: &str) -> bool {
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text);
    if text.contains(char::is_whitespace) || text.len() > 4_096 || is_placeholder(text) {
        return false;
    }
    let mut seen = [false; 256];
    text.bytes().for_each(|byte| {
        if let Some(seen) = seen.get_mut(usize::from(byte)) {
            *seen = true;
        }
    });
    let different = seen.iter().filter(|seen| **seen).count();
    let mixed = text.bytes().any(|byte| byte.is_ascii_digit())
        || text.bytes().any(|byte| byte.is_ascii_punctuation());
    different >= 5 && mixed
}

/// The program of a command line: one that shells run, with something after it.
fn command(text: &str) -> Option<&str> {
    let line = text.trim();
    let mut words = line.split_whitespace();
    let first = words.next()?;
    words.next()?;
    let program = first.rsplit('/').next().unwrap_or(first);
    PROGRAMS.contains(&program).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_secrets_are_known() {
        for text in [
            "AKIAQQQQQQQQQQQQQQQQ",
            "key: ghp_abcdefghijklmnopqrstuvwxyz0123456789",
            "sk-proj-A1b2A1b2A1b2A1b2A1b2A1b2A1b2A1b2",
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
            "postgres://admin:hunter22@db/x",
        ] {
            assert!(known_shape(text).is_some(), "{text}");
        }
        for text in [
            "sk-learn-model-of-the-hospital-with-a-long-name",
            "hf_internal_testing",
            "https://huggingface.co/a:b",
            "AKIA",
            "BAKIAQQQQQQQQQQQQQQQQ",
            "user@example.org",
        ] {
            assert_eq!(known_shape(text), None, "{text}");
        }
    }

    #[test]
    fn placeholders_are_no_secrets() {
        assert!(is_secret("sk-1234567890abcdef") && is_secret("Hunter2!x"));
        for text in ["your_api_key_here", "${API_KEY}", "<token>", "a password of words", "********1"] {
            assert!(!is_secret(text), "{text}");
        }
        assert_eq!(command("rm -rf /"), Some("rm"));
        assert_eq!(command("/bin/sh -c x"), Some("sh"));
        assert_eq!((command("runs well"), command("python")), (None, None));
    }
}
