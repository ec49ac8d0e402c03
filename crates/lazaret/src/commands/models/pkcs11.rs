//! Keys in a token (PKCS#11 2.40): a smart card, a security module, `SoftHSM`. The key never leaves it; the module is a library of
//! its maker that this program loads, so its path is given in full and by the operator alone.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use lazaret_models::{MAX_KEY, PublicKey, SignatureError, SigningKey};
use zeroize::Zeroizing;

use super::pkcs11_uri::Uri;
use crate::exit::read_text;

/// The PIN of a token, where the URI names no file with it.
const PIN: &str = "LAZARET_PKCS11_PIN";

/// A key in a token, and the session that it is used in.
pub(super) struct Token {
    public: PublicKey,
    key: ObjectHandle,
    session: Session,
    /// Keeps the module loaded for as long as the session is open.
    _module: Pkcs11,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Token {
    /// Opens the key that a URI names. What is wrong is said without the URI, which may have secrets in it.
    pub(super) fn open(uri: &str) -> Result<Self, SignatureError> {
        let uri = Uri::read(uri).map_err(wrong)?;
        let path = uri.module_path.as_deref().ok_or_else(|| {
            wrong("it has no `module-path`: name the token's library, as in `?module-path=/usr/lib/softhsm/libsofthsm2.so`")
        })?;
        if !Path::new(path).is_absolute() {
            return Err(wrong("its `module-path` is not absolute"));
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(wrong("it names no key: give `object` (its label) or `id`"));
        }
        let failed = |what: &'static str| move |error| failure(what, &error);
        let module = Pkcs11::new(path).map_err(failed("the module could not be loaded"))?;
        let args = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        module.initialize(args).map_err(failed("the module could not be started"))?;
        let slot = slot(&module, &uri)?;
        let session = module.open_ro_session(slot).map_err(failed("the token could not be opened"))?;
        let pin = AuthPin::new(pin(&uri)?.as_str().into());
        session.login(UserType::User, Some(&pin)).map_err(failed("the token took no login"))?;
        let key = object(&session, ObjectClass::PRIVATE_KEY, &uri, "private key")?;
        let public = object(&session, ObjectClass::PUBLIC_KEY, &uri, "public key")?;
        let public = public_key(&session, public)?;
        Ok(Self { public, key, session, _module: module })
    }
}

impl SigningKey for Token {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signed = self.session.sign(&Mechanism::Ecdsa, self.key, &self.public.digest(message));
        self.public.der_of_halves(&signed.map_err(|error| failure("the token did not sign", &error))?)
    }
}

fn wrong(why: &str) -> SignatureError {
    SignatureError::Usage(format!("the PKCS#11 URI: {why}"))
}

fn failure(what: &str, error: &cryptoki::error::Error) -> SignatureError {
    SignatureError::Key(format!("PKCS#11: {what}: {error}"))
}

/// The one token that is described.
fn slot(module: &Pkcs11, uri: &Uri) -> Result<Slot, SignatureError> {
    let slots = module.get_slots_with_initialized_token();
    let slots = slots.map_err(|error| failure("its tokens could not be listed", &error))?;
    let mut found = None;
    for slot in slots {
        let info = module.get_token_info(slot);
        let info = info.map_err(|error| failure("a token could not be described", &error))?;
        let is = |wanted: &Option<String>, has: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == has.trim_end())
        };
        let is_it = is(&uri.token, info.label())
            && is(&uri.serial, info.serial_number())
            && is(&uri.manufacturer, info.manufacturer_id())
            && is(&uri.model, info.model())
            && uri.slot_id.is_none_or(|id| id == slot.id());
        if is_it && found.replace(slot).is_some() {
            return Err(wrong("it describes more than one token: add `serial` or `slot-id`"));
        }
    }
    found.ok_or_else(|| wrong("there is no token as it describes"))
}

/// From the file that the URI names, else from the environment.
fn pin(uri: &Uri) -> Result<Zeroizing<String>, SignatureError> {
    let text = match &uri.pin_source {
        Some(source) => {
            let path = Path::new(source.strip_prefix("file:").unwrap_or(source));
            if !path.is_absolute() {
                return Err(wrong("its `pin-source` is no absolute path of a file"));
            }
            let text = read_text(path, MAX_KEY);
            text.map_err(|error| wrong(&format!("its `pin-source`: {}", lazaret_core::chain(&error))))?
        }
        None => std::env::var(PIN).map_err(|_| {
            SignatureError::Usage(format!(
                "the token's PIN: set {PIN}, or name a file by `pin-source` in the URI"
            ))
        })?,
    };
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The one object of a kind that has the URI's label and id.
fn object(
    session: &Session,
    class: ObjectClass,
    uri: &Uri,
    what: &str,
) -> Result<ObjectHandle, SignatureError> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(uri.object.iter().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.iter().map(|id| Attribute::Id(id.clone())));
    let found = session.find_objects(&template);
    match found.map_err(|error| failure("its objects could not be listed", &error))?.as_slice() {
        [one] => Ok(*one),
        [] => Err(wrong(&format!("the token has no {what} as it describes"))),
        _ => Err(wrong(&format!("the token has more than one {what} as it describes: add `id`"))),
    }
}

fn public_key(session: &Session, key: ObjectHandle) -> Result<PublicKey, SignatureError> {
    let attributes = session.get_attributes(key, &[AttributeType::EcParams, AttributeType::EcPoint]);
    let attributes = attributes.map_err(|error| failure("the public key could not be read", &error))?;
    let (mut curve, mut point) = (None, None);
    for attribute in &attributes {
        match attribute {
            Attribute::EcParams(bytes) => curve = Some(bytes),
            Attribute::EcPoint(bytes) => point = Some(bytes),
            _ => {}
        }
    }
    let (Some(curve), Some(point)) = (curve, point) else {
        return Err(SignatureError::Key("PKCS#11: the key is on no elliptic curve".to_owned()));
    };
    PublicKey::from_parts(curve, point)
}
