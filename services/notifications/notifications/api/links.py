"""What may follow an answer of notifications; why a letter is there is the absence engine's explanation."""

from common.web.links import Links, asked, told

LINKS: Links = {
    "listLetters": {
        "getLetter": told(letter_id="/items/0/letter_id"),
        "getLetterContent": told(letter_id="/items/0/letter_id"),
        "getEpisode": told(episode_id="/items/0/episode_id"),
    },
    "getLetter": {
        "getLetterContent": asked("letter_id"),
        "getEpisode": told(episode_id="/episode_id"),
        "getPupilContacts": told(pupil_id="/pupil_id"),
    },
}
