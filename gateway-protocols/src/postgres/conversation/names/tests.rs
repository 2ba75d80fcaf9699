use super::*;

fn sent(sequence: u64, batch: u64) -> Sent {
    Sent { sequence, batch }
}

fn known(names: &mut Names<u8>, name: &str, batch: u64) -> Option<u8> {
    match names.find(name.as_bytes(), batch) {
        Found::Known(value, _) => Some(*value),
        Found::Unsettled | Found::Nothing => None,
    }
}

#[test]
fn a_name_is_known_within_its_batch_and_once_it_is_confirmed() {
    for name in ["", "s"] {
        let mut names = Names::new(9, 9_999);
        let key = names.add(name.as_bytes(), sent(1, 0), 0, 7);
        assert_eq!(known(&mut names, name, 0), Some(7));
        assert!(matches!(names.find(name.as_bytes(), 1), Found::Unsettled));
        names.confirm(&key, 1);
        assert_eq!(known(&mut names, name, 1), Some(7));
        assert!(matches!(names.find(b"other", 1), Found::Nothing));
    }
}

#[test]
fn what_was_withdrawn_leaves_what_was_there_before() {
    let mut names = Names::new(9, 9_999);
    let key = names.add(b"s", sent(1, 0), 0, 1);
    names.confirm(&key, 1);
    names.add(b"s", sent(2, 1), 0, 2);
    names.withdraw(&key, 2);
    assert_eq!(known(&mut names, "s", 2), Some(1));
    names.forget(b"s", 2);
    assert!(matches!(names.find(b"s", 2), Found::Nothing));
}

#[test]
fn what_was_sent_later_is_not_forgotten() {
    let mut names = Names::new(9, 9_999);
    names.add(b"s", sent(1, 0), 0, 1);
    names.add(b"", sent(2, 0), 0, 2);
    names.add(b"s", sent(3, 0), 0, 3);
    names.forget_all(3);
    assert_eq!((known(&mut names, "s", 0), known(&mut names, "", 0)), (Some(3), None));
    assert_eq!(names.count, 1);
}

#[test]
fn room_is_counted_in_things_and_in_bytes() {
    let mut names = Names::new(2, 2 * OVERHEAD + 10);
    assert_eq!(names.room(11 + OVERHEAD), Err(Full));
    let key = names.add(b"a", sent(1, 0), 4, 1);
    assert_eq!((names.room(6), names.room(7)), (Ok(()), Err(Full)));
    names.add(b"", sent(2, 0), 0, 2);
    assert_eq!(names.room(0), Err(Full));
    names.withdraw(&key, 1);
    assert_eq!(names.room(6), Ok(()));
    names.forget_all(9);
    assert_eq!((names.count, names.bytes), (0, 0));
}
