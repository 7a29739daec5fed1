//! Pictures of people and groups, from the file that somebody chooses to the file that somebody else gets.

use std::path::{Path, PathBuf};

use crate::devices::link;
use crate::support::World;

/// A PNG of so many grey pixels a side, as a program makes one that knows no compression.
fn png(folder: &Path, name: &str, grey: u8) -> PathBuf {
    let path = folder.join(name);
    let mut file = std::io::Cursor::new(Vec::new());
    let pixels = image::GrayImage::from_pixel(700, 600, image::Luma([grey]));
    pixels.write_to(&mut file, image::ImageFormat::Png).unwrap();
    std::fs::write(&path, file.into_inner()).unwrap();
    path
}

/// The brightness that most of a picture has, and its longer side.
fn shown(file: &Path) -> (u8, u32) {
    let bytes = std::fs::read(file).unwrap();
    assert!(bytes.len() <= 28 * 1024);
    let picture = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).unwrap().to_luma8();
    (picture.get_pixel(9, 9).0[0], picture.width().max(picture.height()))
}

fn near(one: u8, other: u8) -> bool {
    one.abs_diff(other) < 4
}

#[test]
fn a_picture_of_oneself_is_shown_to_those_one_talks_with_until_it_is_taken_away() {
    let world = World::of(&["alice", "bob"]);
    let folder = tempfile::tempdir().unwrap();
    let file = png(folder.path(), "me.png", 90);
    let face = folder.path().join("alice.jpg");
    let (file, face_name) = (file.to_str().unwrap(), face.to_str().unwrap());
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world
        .run("bob", &["contact", "picture", "@alice", "--to", face_name])
        .expect(1)
        .sentence(&["no picture"]);

    world.run("alice", &["settings", "--picture", file]).expect(0).shows("picture   shown");
    world.run("alice", &["send", "@bob", "that is me"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["contact", "picture", "@alice", "--to", face_name]).expect(0);
    let (grey, side) = shown(&face);
    assert!(near(grey, 90) && side == 512, "{grey} {side}");
    assert_eq!(world.run("bob", &["contacts", "--json"]).expect(0).json()[0]["picture"], true);
    // What is there is not overwritten.
    let again = world.run("bob", &["contact", "picture", "@alice", "--to", face_name]);
    again.expect(1).sentence(&["is there already"]);

    world.run("alice", &["settings", "--no-picture"]).expect(0).shows("picture   none");
    world.run("alice", &["send", "@bob", "no more"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    assert_eq!(world.run("bob", &["contacts", "--json"]).expect(0).json()[0]["picture"], false);
}

#[test]
fn what_is_no_picture_is_refused_with_a_sentence_and_nothing_is_set() {
    let world = World::of(&["alice"]);
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("letter.txt");
    std::fs::write(&text, "Dear all").unwrap();
    let missing = folder.path().join("missing.png");
    for (file, words) in [(&text, "choose a JPEG"), (&missing, "cannot be used")] {
        let set = world.run("alice", &["settings", "--picture", file.to_str().unwrap()]);
        set.expect(2).sentence(&[words]);
    }
    world.run("alice", &["settings"]).expect(0).shows("picture   none");
}

#[test]
fn a_groups_picture_is_there_for_its_members_and_for_who_comes_later() {
    let world = World::of(&["alice", "bob", "carol"]);
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = png(folder.path(), "choir.png", 200);
    world.run("alice", &["group", "create", "Choir", "@bob"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("alice", &["group", "picture", "Choir", "--set", file.to_str().unwrap()]).expect(0);
    world.run("alice", &["send", "--group", "Choir", "look"]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    world.run("bob", &["group", "picture", "Choir"]).expect(0).shows("has a picture");
    world.run("bob", &["group", "picture", "Choir", "--to", &to("bob.jpg")]).expect(0);
    assert!(near(shown(Path::new(&to("bob.jpg"))).0, 200));
    let lines = world.run("bob", &["history", "--group", "Choir"]).expect(0).text();
    assert!(lines.contains("changed the group's picture"), "{lines}");

    world.run("alice", &["group", "add", "Choir", "@carol"]).expect(0);
    world.run("alice", &["send", "--group", "Choir", "welcome"]).expect(0);
    world.run("carol", &["receive"]).expect(0);
    world.run("carol", &["group", "picture", "Choir", "--to", &to("carol.jpg")]).expect(0);
    assert!(near(shown(Path::new(&to("carol.jpg"))).0, 200));

    world.run("bob", &["group", "picture", "Choir", "--remove"]).expect(0).shows("has no picture");
    world.run("alice", &["receive"]).expect(0);
    world.run("alice", &["group", "picture", "Choir", "--to", &to("gone.jpg")]).expect(1);
}

/// Bob and alice, whom he and a group have shown what they look like; her recovery key.
fn shown_to_alice(folder: &Path) -> (World, String) {
    let world = World::of(&["bob"]);
    let invite = world.server.invite();
    let words = ["join", &invite, "--name", "alice", "--lock", "key-file", "--json"];
    let key = world.run("alice", &words).expect(0).json()[0]["recovery_key"].as_str().unwrap().to_owned();
    let (face, choir) = (png(folder, "bob.png", 90), png(folder, "choir.png", 200));
    world.run("alice", &["send", "@bob", "hello"]).expect(0);
    world.run("alice", &["group", "create", "Choir", "@bob"]).expect(0);
    world.run("alice", &["group", "picture", "Choir", "--set", choir.to_str().unwrap()]).expect(0);
    world.run("bob", &["receive"]).expect(0);
    let words = ["settings", "--name", "Bob B.", "--about", "Busy.", "--picture", face.to_str().unwrap()];
    world.run("bob", &words).expect(0);
    world.run("bob", &["send", "@alice", "that is me"]).expect(0);
    world.run("alice", &["receive"]).expect(0);
    (world, key)
}

fn shows_bob_and_the_choir(world: &World, profile: &str, folder: &Path) {
    let to = |name: &str| folder.join(format!("{profile} {name}.jpg")).to_str().unwrap().to_owned();
    let listed = world.run(profile, &["contacts", "--json"]).expect(0).json();
    let bob = listed.iter().find(|contact| contact["handle"] == "@bob").unwrap();
    assert_eq!(
        (&bob["calls_itself"], &bob["about"], &bob["picture"]),
        (&"Bob B.".into(), &"Busy.".into(), &true.into())
    );
    world.run(profile, &["contact", "picture", "@bob", "--to", &to("bob")]).expect(0);
    assert!(near(shown(Path::new(&to("bob"))).0, 90));
    world.run(profile, &["group", "picture", "Choir", "--to", &to("choir")]).expect(0);
    assert!(near(shown(Path::new(&to("choir"))).0, 200));
}

#[test]
fn a_device_that_is_linked_shows_the_names_and_pictures_that_the_other_one_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = shown_to_alice(folder.path());
    link(&world, "alice", "laptop", "the laptop");
    shows_bob_and_the_choir(&world, "laptop", folder.path());
}

#[test]
fn a_backup_brings_the_pictures_to_a_device_that_knows_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (world, key) = shown_to_alice(folder.path());
    let file = folder.path().join("alice.backup");
    let made = world.run("alice", &["backup", "create", file.to_str().unwrap(), "--json"]).expect(0).json();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, made[0]["backup_key"].as_str().unwrap()).unwrap();
    let server = world.server.bare_link();
    let (file, secret) = (file.to_str().unwrap(), secret.to_str().unwrap());
    let words = [
        "recover",
        &server,
        "@alice",
        "--key-file",
        "-",
        "--backup",
        file,
        "--secret-file",
        secret,
        "--lock",
        "key-file",
    ];
    // Bob is not there, and alice's other device is lost.
    world.run_with("new", &words, &key).expect(0);
    shows_bob_and_the_choir(&world, "new", folder.path());
}
