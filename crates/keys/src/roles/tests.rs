use super::*;

#[test]
fn debug_prints_the_type_name_only() {
    let secret = [7; 32];
    assert_eq!(format!("{:?}", ProjectionKey::from_secret(&secret)), "ProjectionKey");
    assert_eq!(format!("{:?}", IndexKey::from_secret(&secret)), "IndexKey");
    assert_eq!(format!("{:?}", RefKey::from_secret(&secret)), "RefKey");
    assert_eq!(format!("{:#?}", AuditKey::from_secret(&secret)), "AuditKey");
}

#[test]
fn keys_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<ProjectionKey>();
    shared::<IndexKey>();
    shared::<RefKey>();
    shared::<AuditKey>();
    shared::<DigestKey>();
    shared::<Subkey>();
}

#[test]
fn role_bytes_round_trip() {
    for role in Role::ALL {
        assert_eq!(Role::from_byte(role.byte()), Some(role));
    }
    assert_eq!(Role::from_byte(0), None);
    assert_eq!(Role::from_byte(5), None);
}

#[test]
fn file_names_follow_the_roles() {
    for role in Role::ALL {
        assert_eq!(role.file_name(), format!("{role}.key"));
    }
}

#[test]
fn one_secret_has_another_id_in_every_role() {
    let secret = [7; 32];
    let ids = [
        ProjectionKey::from_secret(&secret).id(),
        IndexKey::from_secret(&secret).id(),
        RefKey::from_secret(&secret).id(),
        AuditKey::from_secret(&secret).id(),
    ];
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id));
    }
}

/// Computed by another implementation from `FORMAT.md`. A change of the contexts or the encodings orphans
/// every index in the field.
#[test]
fn golden_ids_and_refs() {
    let secret: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let key = RefKey::from_secret(&secret);
    assert_eq!(key.id().to_string(), "fa4b6e5efeb3a00ecedfcb69ff396a1c");
    assert_eq!(
        key.record_ref("customers/4711/passport.jpg").to_string(),
        "rec_1389c4cce36bad25e0a52cb4a16dc100"
    );
    assert_eq!(key.record_ref("").to_string(), "rec_fed26aa5abb6103bff80b6ca68df344d");
    assert_eq!(key.subject_ref("customer 4711").to_string(), "sub_d9f79ddc660bdb1f10a159030f7edd88");
    let projection = ProjectionKey::from_secret(&secret);
    assert_eq!(projection.id().to_string(), "2f4cfaff388e7188fd0815aa767f1c06");
    assert_eq!(
        crate::EpochId::new(projection.id(), &[1; 32]).to_string(),
        "5ff55ecebecce21a970c7680748a72e2"
    );
    let seed = projection.derive(Context::GLOBAL_PROJECTION, b"profile");
    assert_eq!(
        KeyId::from_bytes(*seed.expose().first_chunk().unwrap()).to_string(),
        "be1b7919fbbd3ce7f60c5e4fc87f42be"
    );
}

#[test]
fn refs_differ_by_key_by_id_and_by_kind() {
    let key = RefKey::from_secret(&[7; 32]);
    let name = key.record_ref("a");
    assert_eq!(name, RefKey::from_secret(&[7; 32]).record_ref("a"));
    assert_ne!(name, key.record_ref("b"));
    assert_ne!(name, RefKey::from_secret(&[8; 32]).record_ref("a"));
    assert_ne!(name.as_bytes(), key.subject_ref("a").as_bytes());
}

#[test]
fn trait_and_inherent_derivation_agree() {
    let key = IndexKey::from_secret(&[7; 32]);
    let by_trait = Key::derive(&key, Context::SEGMENT_MAC, b"salt");
    assert_eq!(by_trait.expose(), key.derive(Context::SEGMENT_MAC, b"salt").expose());
    assert_eq!(<IndexKey as Key>::ROLE, Role::Index);
}
