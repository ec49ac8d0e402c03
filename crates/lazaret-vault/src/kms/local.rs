//! The local key service: a passphrase, or a key file outside the data directory.
//!
//! A passphrase becomes the key-encryption key by PBKDF2-HMAC-SHA256 (RFC 8018, NIST SP 800-132) with a random
//! salt and at least [`PBKDF2_ITERATIONS`] iterations; salt and iterations lie beside the wrapped keys. A key
//! file holds 32 random bytes, raw or as hex digits; it is refused inside the data directory and, on Unix, when
//! others may read it.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZeroU32;
use std::path::{Component, Path, PathBuf};

use lazaret_core::{Random, Sensitive, hex};
use ring::{hmac, pbkdf2};
use zeroize::Zeroize as _;

use super::{Kms, KmsDescription, KmsError, WrapContext};
use crate::envelope::{Binding, SealingKey, Secret};

/// Iterations of PBKDF2 for a new passphrase, and the fewest accepted (OWASP Password Storage, 2023).
pub const PBKDF2_ITERATIONS: u32 = 600_000;
/// The most iterations accepted from the vault: a changed file must not keep the machine busy for hours.
const MOST_ITERATIONS: u32 = 20_000_000;
/// The fewest characters of a passphrase.
pub const MIN_PASSPHRASE_CHARS: usize = 12;
const KEY_FILE_PARAMETERS: &str = "key-file";

/// A key-encryption key on this machine.
#[derive(Debug)]
pub struct LocalKms {
    kek: SealingKey,
    key_id: String,
    parameters: String,
}

impl LocalKms {
    /// A new key-encryption key from a passphrase, with a new salt.
    pub fn new_passphrase(passphrase: &Sensitive<String>, random: &dyn Random) -> Result<Self, KmsError> {
        let mut salt = [0_u8; 16];
        random.fill(&mut salt)?;
        if passphrase.expose().chars().count() < MIN_PASSPHRASE_CHARS {
            return Err(KmsError::ShortPassphrase);
        }
        Ok(Self::stretch(passphrase, &salt, PBKDF2_ITERATIONS))
    }

    /// The key-encryption key of a passphrase, with the parameters the vault kept
    /// ([`KmsDescription::parameters`]). Whether it is the right passphrase shows when the vault is opened.
    pub fn passphrase(parameters: &str, passphrase: &Sensitive<String>) -> Result<Self, KmsError> {
        let (iterations, salt) = parse_parameters(parameters)?;
        Ok(Self::stretch(passphrase, &salt, iterations))
    }

    /// Whether parameters that a vault kept ask for a passphrase (else for a key file).
    pub fn wants_passphrase(parameters: &str) -> bool {
        parameters != KEY_FILE_PARAMETERS
    }

    /// Makes a new key file, readable by its owner only, and uses it.
    pub fn create_key_file(path: &Path, data_dir: &Path, random: &dyn Random) -> Result<Self, KmsError> {
        refuse_inside(path, data_dir)?;
        let failed = |cause| KmsError::KeyFile { what: "made", cause };
        let mut bytes = [0_u8; 32];
        random.fill(&mut bytes)?;
        let secret = Sensitive::new(bytes);
        bytes.zeroize();
        let text = Sensitive::new(format!("{}\n", hex(secret.expose())));
        write_key_file(path, text.expose().as_bytes()).map_err(failed)?;
        Ok(Self::of_secret(&secret, KEY_FILE_PARAMETERS.to_owned()))
    }

    /// Uses a key file.
    pub fn key_file(path: &Path, data_dir: &Path) -> Result<Self, KmsError> {
        let failed = |cause| KmsError::KeyFile { what: "read", cause };
        refuse_inside(path, data_dir)?;
        let mut file = File::open(path).map_err(failed)?;
        if !lazaret_input::is_private(&file.metadata().map_err(failed)?) {
            return Err(KmsError::KeyFileExposed);
        }
        let mut bytes = Sensitive::new([0_u8; 70]);
        let length = read_some(&mut file, &mut bytes).map_err(failed)?;
        let content = bytes.expose().get(..length).unwrap_or_default();
        let secret = read_key(content).ok_or(KmsError::KeyFileContent)?;
        Ok(Self::of_secret(&secret, KEY_FILE_PARAMETERS.to_owned()))
    }

    fn stretch(passphrase: &Sensitive<String>, salt: &[u8; 16], iterations: u32) -> Self {
        let mut bytes = [0_u8; 32];
        let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MAX);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase.expose().as_bytes(), &mut bytes);
        let secret = Sensitive::new(bytes);
        bytes.zeroize();
        let parameters = format!("pbkdf2-hmac-sha256 iterations={iterations} salt={}", hex(salt));
        Self::of_secret(&secret, parameters)
    }

    fn of_secret(secret: &Secret, parameters: String) -> Self {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let tag = hmac::sign(&mac, b"lazaret key-encryption key id 1");
        let print = tag.as_ref().first_chunk::<8>().copied().unwrap_or_default();
        Self { kek: SealingKey::new(secret), key_id: format!("local:{}", hex(&print)), parameters }
    }
}

impl Kms for LocalKms {
    fn describe(&self) -> KmsDescription {
        KmsDescription {
            provider: "local".to_owned(),
            key_id: self.key_id.clone(),
            parameters: self.parameters.clone(),
        }
    }

    fn wrap(&self, context: &WrapContext<'_>, key: &Secret) -> Result<Vec<u8>, KmsError> {
        self.kek.seal(&binding(context), key.expose()).map_err(|_| KmsError::NotWrapped)
    }

    fn unwrap(&self, context: &WrapContext<'_>, wrapped: &[u8]) -> Result<Secret, KmsError> {
        self.kek
            .open_secret(&binding(context), wrapped)
            .map_err(|_| KmsError::NotUnwrapped { key: context.key.to_owned(), key_id: self.key_id.clone() })
    }
}

fn binding(context: &WrapContext<'_>) -> Binding {
    Binding::to("data key")
        .and(context.key.as_bytes())
        .and(context.class.as_bytes())
        .and(context.dataset.as_bytes())
        .and(context.column.as_bytes())
}

fn parse_parameters(parameters: &str) -> Result<(u32, [u8; 16]), KmsError> {
    let mut words = parameters.split(' ');
    if words.next() != Some("pbkdf2-hmac-sha256") {
        return Err(KmsError::BadParameters("they are not those of a passphrase"));
    }
    let iterations = words
        .next()
        .and_then(|word| word.strip_prefix("iterations="))
        .and_then(|number| number.parse().ok())
        .filter(|iterations| (PBKDF2_ITERATIONS..=MOST_ITERATIONS).contains(iterations))
        .ok_or(KmsError::BadParameters("the iterations are missing, too few or too many"))?;
    let salt = words
        .next()
        .and_then(|word| word.strip_prefix("salt="))
        .and_then(unhex::<16>)
        .ok_or(KmsError::BadParameters("the salt is missing or malformed"))?;
    Ok((iterations, salt))
}

/// Writes a key file whole or not at all, and never over another: into a file beside it, whose lock keeps other
/// processes away from the name. Durable.
fn write_key_file(path: &Path, text: &[u8]) -> std::io::Result<()> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(".coming");
    let coming = path.with_file_name(name);
    let mut file = match lazaret_input::create_private_file(&coming) {
        // What an attempt cut short left. It never was a key: a key has its own name.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            File::options().read(true).write(true).open(&coming)?
        }
        made => made?,
    };
    file.try_lock()?;
    if !lazaret_input::is_private(&file.metadata()?) {
        return Err(ErrorKind::PermissionDenied.into());
    }
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    file.set_len(0)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&coming, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    lazaret_input::sync_folder(folder.unwrap_or_else(|| Path::new(".")))
}

/// Refuses a key file that lies inside the data directory, by whatever links it is reached.
fn refuse_inside(path: &Path, data_dir: &Path) -> Result<(), KmsError> {
    let failed = |cause| KmsError::KeyFile { what: "found", cause };
    let (file, data) = (resolve(path).map_err(failed)?, resolve(data_dir).map_err(failed)?);
    if file.starts_with(data) { Err(KmsError::KeyFileInside) } else { Ok(()) }
}

/// The real path, where the last parts need not exist yet.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let mut missing = Vec::new();
    let mut there = absolute.as_path();
    loop {
        match there.canonicalize() {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, part| path.join(part))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match (there.components().next_back(), there.parent()) {
                    (Some(Component::Normal(part)), Some(parent)) => {
                        missing.push(part.to_owned());
                        there = parent;
                    }
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn read_some<const N: usize>(file: &mut File, buffer: &mut Sensitive<[u8; N]>) -> std::io::Result<usize> {
    let mut bytes = [0_u8; N];
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => length = length.saturating_add(read),
        }
    }
    *buffer = Sensitive::new(bytes);
    bytes.zeroize();
    Ok(length)
}

/// 32 raw bytes, or 64 hex digits with a line end or none.
fn read_key(content: &[u8]) -> Option<Secret> {
    if let Ok(raw) = <[u8; 32]>::try_from(content) {
        return Some(Sensitive::new(raw));
    }
    unhex::<32>(std::str::from_utf8(content).ok()?.trim_end()).map(Sensitive::new)
}

/// Bytes from hex digits of either case, as people may write key files.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    let mut digits = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SystemRandom;

    const CONTEXT: WrapContext<'_> =
        WrapContext { key: "dk-1", class: "dataset", dataset: "lake/Patient", column: "" };

    fn pass(text: &str) -> Sensitive<String> {
        Sensitive::new(text.to_owned())
    }

    #[test]
    fn a_passphrase_opens_again_with_its_parameters_and_another_does_not() {
        let made = LocalKms::new_passphrase(&pass("correct horse battery"), &SystemRandom).unwrap();
        let key = Sensitive::new([9; 32]);
        let wrapped = made.wrap(&CONTEXT, &key).unwrap();
        let parameters = made.describe().parameters;
        assert!(LocalKms::wants_passphrase(&parameters));
        let again = LocalKms::passphrase(&parameters, &pass("correct horse battery")).unwrap();
        assert_eq!(again.describe(), made.describe());
        assert_eq!(again.unwrap(&CONTEXT, &wrapped).unwrap(), key);
        let wrong = LocalKms::passphrase(&parameters, &pass("incorrect horse battery")).unwrap();
        let error = wrong.unwrap(&CONTEXT, &wrapped).unwrap_err().to_string();
        assert!(error.contains("another passphrase") && !error.contains("horse"), "{error}");
    }

    #[test]
    fn a_wrapped_key_does_not_unwrap_for_another_column() {
        let kms = LocalKms::of_secret(&Sensitive::new([1; 32]), KEY_FILE_PARAMETERS.to_owned());
        let wrapped = kms.wrap(&CONTEXT, &Sensitive::new([9; 32])).unwrap();
        assert!(kms.unwrap(&WrapContext { column: "ssn", ..CONTEXT }, &wrapped).is_err());
    }

    #[test]
    fn weak_or_endless_parameters_and_short_passphrases_are_refused() {
        let salt = "00112233445566778899aabbccddeeff";
        for parameters in [
            format!("pbkdf2-hmac-sha256 iterations=1000 salt={salt}"),
            format!("pbkdf2-hmac-sha256 iterations=4000000000 salt={salt}"),
            "pbkdf2-hmac-sha256 iterations=600000 salt=é011".to_owned(),
            "pbkdf2-hmac-sha256 iterations=600000".to_owned(),
            String::new(),
        ] {
            assert!(
                LocalKms::passphrase(&parameters, &pass("correct horse battery")).is_err(),
                "{parameters}"
            );
        }
        assert!(matches!(
            LocalKms::new_passphrase(&pass("short"), &SystemRandom),
            Err(KmsError::ShortPassphrase)
        ));
    }

    #[test]
    fn a_key_file_is_private_outside_and_whole() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let path = home.path().join("kek");
        let made = LocalKms::create_key_file(&path, &data, &SystemRandom).unwrap();
        assert_eq!(LocalKms::key_file(&path, &data).unwrap().describe(), made.describe());
        assert!(!LocalKms::wants_passphrase(&made.describe().parameters));
        assert!(LocalKms::create_key_file(&path, &data, &SystemRandom).is_err(), "never overwritten");
        assert!(!home.path().join("kek.coming").exists());

        std::fs::create_dir(&data).unwrap();
        let inside = data.join("kek");
        assert!(matches!(
            LocalKms::create_key_file(&inside, &data, &SystemRandom),
            Err(KmsError::KeyFileInside)
        ));
        std::fs::copy(&path, &inside).unwrap();
        assert!(matches!(LocalKms::key_file(&inside, &data), Err(KmsError::KeyFileInside)));
        let around = home.path().join("data").join("..").join("data").join("kek");
        assert!(matches!(LocalKms::key_file(&around, &data), Err(KmsError::KeyFileInside)));

        for content in [b"".as_slice(), &[7; 31], &[7; 33], b"zz", &[b'0'; 63], &[b'0'; 100]] {
            let odd = home.path().join("odd");
            let _ = std::fs::remove_file(&odd);
            lazaret_input::create_private_file(&odd).unwrap().write_all(content).unwrap();
            assert!(matches!(LocalKms::key_file(&odd, &data), Err(KmsError::KeyFileContent)));
        }
        let raw = home.path().join("raw");
        lazaret_input::create_private_file(&raw).unwrap().write_all(&[0xfe; 32]).unwrap();
        LocalKms::key_file(&raw, &data).unwrap();
    }

    #[test]
    fn what_a_key_file_cut_short_left_is_used_up_unless_another_process_writes_it() {
        let home = tempfile::tempdir().unwrap();
        let (data, path) = (home.path().join("data"), home.path().join("kek"));
        let mut left = lazaret_input::create_private_file(&home.path().join("kek.coming")).unwrap();
        left.write_all(&[b'0'; 90]).unwrap();
        left.lock().unwrap();
        assert!(LocalKms::create_key_file(&path, &data, &SystemRandom).is_err());
        assert!(!path.exists());
        drop(left);
        let made = LocalKms::create_key_file(&path, &data, &SystemRandom).unwrap();
        assert_eq!(LocalKms::key_file(&path, &data).unwrap().describe(), made.describe());
        assert!(!home.path().join("kek.coming").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_may_read_or_that_a_link_leads_to_is_refused() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let home = tempfile::tempdir().unwrap();
        let (data, path) = (home.path().join("data"), home.path().join("kek"));
        std::fs::create_dir(&data).unwrap();
        LocalKms::create_key_file(&path, &data, &SystemRandom).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(LocalKms::key_file(&path, &data), Err(KmsError::KeyFileExposed)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&path, data.join("kek")).unwrap();
        symlink(data.join("kek"), &path).unwrap();
        assert!(matches!(LocalKms::key_file(&path, &data), Err(KmsError::KeyFileInside)));
    }

    proptest! {
        #[test]
        fn any_parameters_and_key_files_are_read_without_a_panic(
            text in "\\PC{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..70), number in any::<u64>(),
        ) {
            let _ = parse_parameters(&text);
            let _ = parse_parameters(&format!("pbkdf2-hmac-sha256 iterations={number} salt={text}"));
            prop_assert_eq!(read_key(&bytes).is_some(), bytes.len() == 32);
        }

        #[test]
        fn hex_digits_come_back(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(unhex::<32>(&hex(&bytes)), Some(bytes));
        }
    }
}
