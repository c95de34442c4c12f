"""Lyrics for the tests: one song in the public domain, one written for them."""

from __future__ import annotations

OH_SUSANNA = """I come from Alabama with my banjo on my knee
I'm going to Louisiana, my true love for to see
It rained all night the day I left, the weather it was dry
The sun so hot I froze to death, Susanna, don't you cry

Oh! Susanna, oh don't you cry for me
I come from Alabama with my banjo on my knee

I had a dream the other night when everything was still
I thought I saw Susanna coming down the hill
The buckwheat cake was in her mouth, the tear was in her eye
Says I, I'm coming from the south, Susanna, don't you cry

Oh! Susanna, oh don't you cry for me
I come from Alabama with my banjo on my knee

I soon will be in New Orleans and then I'll look around
And when I find Susanna I'll fall upon the ground
But if I do not find her, then I will surely die
And when I'm dead and buried, Susanna, don't you cry

Oh! Susanna, oh don't you cry for me
I come from Alabama with my banjo on my knee"""

MIDNIGHT_RAIN = """Oh oh oh

Streetlights paint the avenue gold
You said our story would never get old
I kept your letters under the bed
Every last word that you ever said

And I feel it rising
Over the horizon

We are the sparks in the midnight rain
Burning so bright that we feel no pain
Hold me tonight and call my name
We are the sparks in the midnight rain

Winter came slow with a silver tongue
Stole all the songs that we should have sung
I left the window open wide
Hoping you'd find your way inside

And I feel it rising
Over the horizon

We are the sparks in the midnight rain
Burning so bright that we feel no pain
Hold me tonight and call my name
We are the sparks in the midnight rain

Maybe the dark was only a door
Maybe
We don't need to run anymore

We are the sparks in the midnight rain
Burning so bright that we feel no pain
Hold me forever and call my name
We are the sparks in the midnight rain

Midnight rain"""

LABELLED = """[Verse 1]
A b c
[Chorus]
La la

[VERSE 2: Ana]
D e f

chorus:
La la
(Bridge)
G h i

[Chorus x2]

Outro: bye"""
