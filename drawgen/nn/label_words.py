"""What captions call the 1,000 labels of ImageNet: "cat" for tabby, tiger cat and Siamese cat.

Each line of `TABLE` is a word of captions and the numbers of the labels that it may stand for (in torchvision's order). A label may
have several words, the more general ones too: a sports car is a car. Written by hand, from the names of the labels.
"""

import functools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

LABELS = 1000
TABLE = """
animal 269-280 286-300 330-388
dog 151-275
puppy 151-268
wolf 269-275
fox 277-280
cat 281-287
kitten 281-285
lion 291
tiger 292
leopard 288-290 293
bear 294-297 388
elephant 101 385-386
zebra 340
horse 339 603
cow 345-347
cows 345-347
cattle 345-347
sheep 348-349
goat 348-350
deer 351-353
giraffe 352-353
camel 354-355
pig 341-343
rabbit 330-332
squirrel 335 336
monkey 369-384
gorilla 366
panda 388
bird 7-24 80-100 127-146
birds 7-24 80-100 127-146
duck 97-100
owl 24
eagle 21-23
chicken 7-8
parrot 87-90
seagull 146
fish 0-6 389-397
shark 2-4
whale 147-148
turtle 33-37
snake 52-68
lizard 38-48
frog 30-32
butterfly 321-326
insect 300-320
spider 70-77
flower 984-986
flowers 723 984-986
crab 118-121
bike 444 671 870
bicycle 444 671 880
motorcycle 665 670
scooter 665 670
car 407 436 468 479 511 581 609 627 656 661 705 717 751 817
cars 436 468 479 511 581 627 656 817
taxi 468
van 654 656 675 734 757
bus 654 779 874
train 466 547 565 705 820 829
tracks 466 547 565 820
truck 555 569 586 675 717 864 867
airplane 404 726 895 908
plane 404 726 895 908
jet 404 895 908
runway 404
boat 403 472 484 510 536 554 576 625 628 780 814 833 871 914
boats 484 536 576 780 914
sailboat 484 780 871 914
ship 403 510 628 780
canoe 472 693
pier 536 718
dock 536 718
harbor 510 536 780
tractor 595 856 866
carriage 603 612 690
balloon 417
kite 701
parachute 701
street 468 637 704 829 874 919-920
traffic 468 704 874 919-920
sign 919
light 920
meter 704
bench 703
hydrant 637
fence 489 716 912
bridge 821 839 888
wall 825
building 483 497 663 668 698 832 873
church 497 663
tower 442 497 900
castle 483 698
clock 409 530 892
fountain 562
boathouse 449
barn 425
house 425 449 660 853
tent 672
umbrella 879
tie 451 457 906
suit 834 906 982
hat 439 452 515 808
helmet 518 560
backpack 414
bag 414 636 728 748
purse 748
luggage 748
jacket 568 735 869
shirt 610 841
shorts 610 842
glasses 836-837
sunglasses 836-837
dress 578 601 614 689
bikini 445
mask 570 643 796
wedding 578 982
shoes 502 514 630 770 774 788
gun 413 763-764
snow 537 795-796 802-803 970
ski 537 795-796 970
skis 795
skiing 795
skier 795
mountain 970 972 979-980
mountains 970 975 979-980
hill 970 979
slope 795 970
beach 977-978
ocean 460 977-978
sea 973 977-978
lake 975
shore 975 977-978
sand 977
river 975 979
water 460 472 693 814 975-978
rock 972
cliff 972
wave 977-978
surfboard 638 842 977
wetsuit 801 983
pool 801 842
swimming 433 801 842
diver 983
tennis 752 852
racket 752 852
racquet 752 852
court 752 852 890
baseball 429 981
bat 981
player 429 430 768 805 890 981
pitch 981
field 429 574 768 805 981
soccer 805
basketball 430
volleyball 890
football 560 768
rugby 768
golf 574-575
ball 429-430 574 722 747 768 805 852 890
frisbee 805 852
skateboard 423 770
hockey 746
frisbee 574
swing 843
tv 598 664 782 851
television 598 664 782 851
screen 664 782 851
monitor 527 664 782
computer 508 527 590 620 664 673 681
laptop 620 681
keyboard 508 878
mouse 673
desk 526-527
phone 487 528 707
camera 732 759
remote 761
radio 482 754 848
piano 579 881
guitar 402 420 546
violin 486 889
drum 541-542
microphone 650
stage 819
book 454 624 917 921
books 453-454 624
bookshelf 453
chair 423 559 765 857
couch 831
sofa 831
bed 431 520 564 750
pillow 721 750
blanket 750
crib 431 520
table 526 532 736 762
lamp 619 846
curtain 794 854
window 904-905
door 799
room 532 548 598 799 831
living 548 831
bathroom 434-435 794 861 876 896 999
toilet 861 999
sink 896
bathtub 435 876
shower 793-794
towel 434
mirror 475 896
kitchen 534 550 567 651 659 760 827 909
oven 544 651 766 827
stove 827
microwave 651
refrigerator 760
fridge 760
pot 521 544 738
pan 567 909
washing 897
cabinet 493 495 648
toaster 859
vase 883
plant 580 738
potted 738
candle 470
cup 504 725 967-968
mug 504
coffee 504-505 550 967-968
tea 849
glass 441 572 966
wine 572 907 966
beer 440-441
bottle 440 720 737 898 907
bottles 440 737 907
bowl 659 809 925-926
plate 923 959 962 964
spoon 618 910
knife 499 623
scissors 623
tray 868
food 923-940 959-965
meal 923 959 962
restaurant 762 923
pizza 963
sandwich 930 933-934
burger 933
hot 934
banana 954
bananas 954
apple 948 957
apples 948 957
orange 950-951
oranges 950-951
fruit 948-957
lemon 951
strawberries 949
pineapple 953
broccoli 937
vegetables 936-947
carrots 939 943 987
soup 809 925-926
bread 415 930-931 961
cake 927 960
dessert 927-928 960
donut 931-932
doughnuts 931-932
bakery 415 509
ice 928-929
cheese 933
meat 962
pasta 959
corn 987
mushroom 947 991-997
store 582 788 860 865
market 582 953 956
shop 415 424 454 467 788
teddy 850
toy 865
stuffed 850
tree 580
hay 958
grass 958 984
forest 993-997
night 607 920
fire 555 562
statue 708 863
plastic 728
vest 465
uniform 652 834
band 432 513 558 566 776 875
carousel 476
soldier 465 652 715
police 734
playing 402 430 486 541 546 558 579 752 768 776 805 852 889 890
"""


@functools.cache
def label_words() -> dict[str, tuple[int, ...]]:
    """Word -> the numbers of its labels.

    >>> label_words()["zebra"], label_words()["elephant"]
    ((340,), (101, 385, 386))
    """
    found: dict[str, set[int]] = {}
    for line in TABLE.strip().splitlines():
        word, *spans = line.split()
        for span in spans:
            first, _, last = span.partition("-")
            found.setdefault(word, set()).update(range(int(first), int(last or first) + 1))
    return {word: tuple(sorted(numbers)) for word, numbers in found.items()}


def mentions(words: Sequence[str]) -> Float[Tensor, "L K"]:
    """1 where one of these words may stand for a label."""
    matrix = torch.zeros(LABELS, len(words))
    for k, word in enumerate(words):
        matrix[list(label_words().get(word, ())), k] = 1.0
    return matrix
