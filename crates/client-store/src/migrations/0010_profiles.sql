-- What others say of themselves is told between one's own devices like a setting: [name, about, hash of the picture or null]. What is
-- here was said before its versions were, so whatever is said from now on is later.
INSERT INTO register
    SELECT 21, account, x'', x'',
        CAST(json_array(
            coalesce(profile_name, ''), coalesce(about, ''),
            CASE WHEN picture IS NULL THEN NULL ELSE lower(hex(picture)) END
        ) AS BLOB),
        0, NULL
    FROM account
    WHERE coalesce(profile_name, '') <> '' OR coalesce(about, '') <> '' OR picture IS NOT NULL;
