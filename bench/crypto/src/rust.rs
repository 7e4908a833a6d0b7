//! With RustCrypto. Keys are parsed once.

use std::cell::OnceCell;

use p256::ecdsa::SigningKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::sha2::Sha256;
use rsa::signature::{Signer, Verifier};
use rsa::{BigUint, RsaPublicKey};

use crate::Material;

thread_local! {
    static VERIFYING: OnceCell<VerifyingKey<Sha256>> = const { OnceCell::new() };
    static SIGNING: OnceCell<SigningKey> = const { OnceCell::new() };
}

pub(crate) fn verify(material: &Material) -> bool {
    VERIFYING.with(|cell| {
        let key = cell.get_or_init(|| {
            let modulus = BigUint::from_bytes_be(&material.modulus);
            let exponent = BigUint::from_bytes_be(&material.exponent);
            VerifyingKey::new(RsaPublicKey::new(modulus, exponent).expect("a public key"))
        });
        Signature::try_from(material.signature.as_slice())
            .is_ok_and(|signature| key.verify(&material.message, &signature).is_ok())
    })
}

pub(crate) fn sign(material: &Material) -> Vec<u8> {
    SIGNING.with(|cell| {
        let key =
            cell.get_or_init(|| SigningKey::from_slice(&material.secret).expect("a private key"));
        let signature: p256::ecdsa::Signature = key.sign(&material.message);
        signature.to_bytes().to_vec()
    })
}
